//! What people run or edit besides the service: scripts, and the list of dependencies.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{assert_none, files, read, root};

#[test]
fn every_script_that_a_person_runs_explains_itself_from_any_folder() {
    let mut asked = 0;
    let mut faults = Vec::new();
    for script in files(&["scripts"], &["sh"]) {
        let path = root().join(&script.path);
        if path.metadata().unwrap().permissions().mode() & 0o111 == 0 {
            // Others source it.
            assert!(!script.text.starts_with("#!"), "{} can be run by nobody", script.path);
            continue;
        }
        asked += 1;
        let answer = Command::new(&path).arg("--help").current_dir("/").output().unwrap();
        let text = String::from_utf8(answer.stdout).unwrap();
        if !answer.status.success() || !text.contains(&format!("\nUsage: {}", script.path)) {
            faults.push(format!("{}: {text}", script.path));
        }
    }
    assert!(asked > 15, "only {asked} scripts were found");
    assert_none("scripts without a useful --help", &faults);
}

#[test]
fn every_floor_of_the_coverage_is_under_a_folder_that_is_there() {
    let script = read("scripts/coverage.sh");
    let (_, floors) = script.split_once("floors=\"").unwrap();
    let floors: Vec<_> = floors.split('"').next().unwrap().lines().collect();
    assert!(floors.len() > 3, "{floors:?}");
    for floor in floors {
        let (percent, folder) = floor.split_once(' ').unwrap();
        assert!(percent.parse::<u8>().is_ok() && root().join(folder).is_dir(), "{floor}");
    }
}

#[test]
fn what_ci_runs_are_targets_and_the_readme_names_them() {
    let script = read(".ci/run");
    let targets = script.split_once("targets=(").unwrap().1.split(')').next().unwrap();
    let readme = read("README.md");
    let paragraph = readme.split("\n\n").find(|paragraph| paragraph.starts_with("`.ci/run`")).unwrap();
    let first = paragraph.split(". ").next().unwrap();
    let named: BTreeSet<_> = first.split("`make ").skip(1).map(|rest| rest.split('`').next().unwrap()).collect();
    assert_eq!(named, targets.split(' ').collect());
}

#[test]
fn every_dependency_has_its_reason() {
    let mut faults = Vec::new();
    let (mut is_list, mut above) = (false, "");
    let manifest = read("Cargo.toml");
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_list = line.trim_end_matches(']').ends_with("dependencies");
        } else if is_list && line.contains(" = ") && !line.starts_with('#') && !above.starts_with('#') {
            faults.push(line.to_owned());
        }
        above = line;
    }
    assert_none("dependencies without a reason", &faults);
}
