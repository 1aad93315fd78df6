//! Converts `openapi.yaml` into the JSON that is served beside it, so that the two cannot drift apart.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

const PROMISE: &str = "openapi.yaml";

#[expect(clippy::disallowed_methods, reason = "cargo tells build scripts where to write through the environment")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROMISE}");
    println!("cargo:rerun-if-changed=build.rs");
    // A YAML value keeps the order in which people wrote; a JSON one would sort it.
    let document: serde_yaml_ng::Value = serde_yaml_ng::from_str(&fs::read_to_string(PROMISE)?)?;
    let out_dir = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: build.rs runs under cargo only")?;
    fs::write(Path::new(&out_dir).join("openapi.json"), serde_json::to_vec(&document)?)?;
    Ok(())
}
