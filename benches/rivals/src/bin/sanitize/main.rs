//! The sanitiser beside a port of libinjection and `ammonia`: what each finds, what it costs. `make rates`.
//!
//! Rates are printed for the labelled cases of the layer's tests, for attacks that are put together here from parts and evasions, and for
//! the files given, taken together: JSON lines `{"kind", "label", "value"}` with `enc: "b64"` for bytes that are no text, and a `tier`.

#[path = "../../../../sanitize/inputs.rs"]
mod inputs;

mod evasions;
mod interval;
mod malformed;
mod rates;
mod samples;
mod throughput;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut samples = samples::of_tests()?;
    samples.extend(evasions::all());
    samples.extend(malformed::all());
    for file in std::env::args().skip(1).filter(|argument| !argument.starts_with("--")) {
        samples.extend(samples::of_file(&file)?);
    }
    println!("{}", rates::table(&samples));
    println!("{}", throughput::table());
    Ok(())
}
