//! Our layers beside the published crates that do the same: `make rivals`.
//!
//! One run, one request, one counting allocator; the rows of ours are those of the bench `layers`. A crate that insists on the body type of
//! axum is measured against a bare handler with that body. Where a crate is an extractor or a type and no layer, the smallest service
//! around it stands in. Whatever a crate lets one choose is chosen to do the work of our row.

#[path = "../../layers/exchange.rs"]
mod exchange;
#[path = "../../layers/report.rs"]
mod report;
#[path = "../../layers/rows.rs"]
mod rows;
#[path = "../../layers/table.rs"]
mod table;
#[path = "../../layers/token.rs"]
mod token;

mod addresses;
mod headers;
mod ids;
mod limits;
mod metrics;
mod problems;
mod tokens;

use exchange::{Failure, Handler, get};
use table::{Row, Table};

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    let mut table = Table::new();
    let token = token::Token::new()?;
    let get = get()?;

    rows::passing(&mut table, &token)?;
    rows::refusing(&mut table, &token)?;
    headers::measure(&mut table, &get)?;
    ids::measure(&mut table, &get);
    addresses::measure(&mut table, &get);
    metrics::measure(&mut table, &get);
    limits::measure_load_shed(&mut table, &get)?;
    runtime.block_on(tokens::measure(&mut table, &get, &token))?;

    table.measure(Row::bare("bodies of axum 0.8"), &get, Handler::<axum::body::Body>::ok());
    limits::measure_rate_limit(&mut table, &get)?;
    problems::measure_type(&mut table, &get);

    table.measure(Row::bare("bodies of axum 0.7"), &get, Handler::<axum_07::body::Body>::ok());
    problems::measure_layer(&mut table, &get);
    runtime.block_on(tokens::measure_with_axum(&mut table, &get, &token))?;

    table.finish();
    Ok(())
}
