//! How the service bears what years of use leave behind. Slow, and these print figures instead of judging them: `make audit-scale` and
//! `make import-scale`.

mod audit;
mod import;

#[expect(clippy::print_stdout, reason = "the figures are what whoever runs this wants to see")]
fn report(what: &str, figure: f64, unit: &str) {
    println!("{what}: {figure:.2} {unit}");
}
