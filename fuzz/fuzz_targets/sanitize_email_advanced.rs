#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::check;
use portcullis_layers::sanitize::InputSanitizer;

fuzz_target!(|input: &[u8]| check(input, &[], |input| InputSanitizer::new().sanitize_email_advanced(input)));
