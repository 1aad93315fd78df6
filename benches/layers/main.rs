//! What each layer adds to a request: nanoseconds, allocations and bytes.
//!
//! `cargo bench --bench layers` times every row with criterion; `cargo bench --bench layers -- allocations` prints only the allocations.
//! Requests are made outside the measurement; answers are read to the end of their bodies and dropped inside it. The counting allocator adds
//! some ten nanoseconds to every allocation. `make rivals` measures the same beside other crates.

mod exchange;
mod report;
mod rows;
mod table;
mod token;

fn main() -> Result<(), exchange::Failure> {
    let mut table = table::Table::new();
    let token = token::Token::new()?;
    rows::passing(&mut table, &token)?;
    rows::refusing(&mut table, &token)?;
    table.finish();
    Ok(())
}
