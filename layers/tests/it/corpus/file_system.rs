//! Accepted paths, on a real file system.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_layers::sanitize::InputSanitizer;
use proptest::prelude::*;

/// A directory of this test's own below the target folder, with a file beside it that no accepted path may reach.
fn root() -> PathBuf {
    let outer = Path::new(env!("CARGO_TARGET_TMPDIR")).join("accepted-paths");
    let root = outer.join("root");
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::write(outer.join("secret"), "").unwrap();
    root.canonicalize().unwrap()
}

fn path() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", "..", ".", "...", "/", "//", "\\", " ", "%2e", "%2f", "%5c", "%25", "%c0%ae", ";", "?", "0x2e", "．",
        "／", "\u{200b}", "~", "secret", "root", ":", "C:", "-", "\u{301}",
    ]);
    prop::collection::vec(piece, 1..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn an_accepted_path_stays_inside_its_root(path in path()) {
        let result = InputSanitizer::new().sanitize_path(&path).into_owned();
        if !result.accepted {
            return Ok(());
        }
        let root = root();
        let target = root.join(&*result.value);
        prop_assert!(target.starts_with(&root), "{path:?}");
        // Whether the path leads to something that was there, or is made now, it is below the root.
        if target.exists() || fs::create_dir_all(&target).is_ok() {
            let real = target.canonicalize().unwrap();
            prop_assert!(real.starts_with(&root), "{path:?} is {real:?}");
        }
    }
}
