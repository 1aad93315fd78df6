//! The fields of log lines are those that the documentation lists.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{secrets, talkative};
use crate::support::fresh_database;

const DOCUMENT: &str = include_str!("../../../docs/logging.md");
const PIPELINE: &str = include_str!("../../../deploy/observability/elasticsearch/pipeline.json");

/// What stands between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The cells of the rows below a heading.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, section) = DOCUMENT.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").collect()).collect()
}

fn flatten(prefix: &str, object: &Map<String, Value>, names: &mut BTreeSet<String>) {
    for (name, value) in object {
        match value {
            Value::Object(inner) => flatten(&format!("{prefix}{name}."), inner, names),
            Value::Array(_) => panic!("{prefix}{name} is a list: {value}"),
            _ => _ = names.insert(format!("{prefix}{name}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_busy_scene_has_documented_fields_only_and_every_line_of_a_request_its_ids() {
    let documented: BTreeSet<_> = rows("## Fields").iter().flat_map(|row| quoted(row[0])).map(str::to_owned).collect();
    assert!(documented.len() > 30, "{documented:?}");
    let program = talkative(&fresh_database().await);
    let [level, denied] = ["level", "denied"].map(|name| program.folder().join(name));
    std::fs::write(&level, "trace").unwrap();
    std::fs::write(&denied, "192.0.2.0/24\n").unwrap();
    let program = program.unset("LOG_LEVEL").set("LOG_LEVEL_FILE", level.to_str().unwrap());
    let service = program.set("LIMIT_DENY_FILE", denied.to_str().unwrap()).serve().await;
    secrets::play(&service.client()).await;
    // What is read anew comes last, and fails after it went well.
    service.hang_up("read the lists of networks anew").await;
    std::fs::write(&level, "chatty").unwrap();
    std::fs::write(&denied, "nowhere\n").unwrap();
    service.hang_up("the old lists of networks stay in force").await;
    let ended = service.stop().await;

    let mut found = BTreeSet::new();
    for text in ended.stderr.lines() {
        let line: Map<String, Value> = serde_json::from_str(text).unwrap();
        // A parser keeps the last of two members of one name, and says nothing.
        assert_eq!(text.matches("\"level\":").count(), 1, "{text}");
        flatten("", &line, &mut found);
        if let Some(span) = line.get("span") {
            for id in ["request.id", "trace_id"] {
                assert!(span[id].is_string(), "no {id}: {text}");
            }
        }
    }
    let unknown: Vec<_> = found.difference(&documented).collect();
    assert!(unknown.is_empty(), "not in docs/logging.md: {unknown:?}");
    assert!(found.contains("span.request.id") && found.contains("event") && found.contains("refusal"), "{found:?}");
    assert!(found.contains("log_level") && found.contains("denied"), "{found:?}");
}

#[test]
fn the_pipeline_to_elasticsearch_knows_every_name_that_the_document_promises() {
    for row in rows("## Fields") {
        for name in row.get(2).into_iter().flat_map(|cell| quoted(cell)).filter(|name| *name != "@timestamp") {
            let last = name.rsplit('.').next().unwrap();
            let named = PIPELINE.contains(&format!("\"{name}\"")) || PIPELINE.contains(&format!("event.{last} ="));
            assert!(named || PIPELINE.contains(&format!("IP:{name}")), "{name}");
        }
    }
}
