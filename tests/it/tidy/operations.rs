//! Rules, dashboards and runbooks: they name each other, and metrics of the code.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Source, assert_none, files, read, root};

const RUNBOOKS: &str = "https://github.com/portcullis-auth/portcullis/blob/main/docs/runbooks/";

/// The rules of a file, those that record and those that alert.
fn rules(path: &str) -> Vec<Value> {
    let file: Value = serde_yaml_ng::from_str(&read(path)).unwrap();
    let groups = file["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
}

fn alerts() -> Vec<Value> {
    rules("deploy/prometheus/rules/alerts.yml")
}

fn recordings() -> Vec<Value> {
    rules("deploy/prometheus/rules/recording.yml")
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The queries of the dashboards, each with the dashboard that asks it.
fn dashboard_queries() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for Source { path, text: json } in files(&["deploy/grafana/dashboards"], &["json"]) {
        let dashboard: Value = serde_json::from_str(&json).unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
        queries.extend(targets.map(|target| (path.clone(), text(target, "/expr").to_owned())));
    }
    assert!(queries.len() > 50, "only {} queries were found", queries.len());
    queries
}

#[test]
fn every_alert_says_what_to_do_and_has_its_test() {
    let tests: String = files(&["deploy/prometheus/tests"], &["yml"]).into_iter().map(|file| file.text).collect();
    let list = read("docs/runbooks/README.md");
    let mut faults = Vec::new();
    let mut pages = BTreeSet::from(["README".to_owned()]);
    for alert in alerts() {
        let name = text(&alert, "/alert");
        let url = text(&alert, "/annotations/runbook_url");
        let page = url.strip_prefix(RUNBOOKS).and_then(|page| page.strip_suffix(".md")).unwrap_or_default();
        pages.insert(page.to_owned());
        let path = format!("docs/runbooks/{page}.md");
        let demands = [
            (["critical", "warning"].contains(&text(&alert, "/labels/severity")), "a severity"),
            (!text(&alert, "/annotations/summary").is_empty(), "a summary"),
            (!text(&alert, "/annotations/description").is_empty(), "a description"),
            (root().join(&path).exists() && read(&path).starts_with(&format!("# {name}\n")), "a page of its name"),
            (list.contains(&format!("[{name}]({page}.md)")), "a line in the list of runbooks"),
            (tests.contains(&format!("alertname=\"{name}\"")), "a test in which it fires"),
        ];
        let missing = demands.into_iter().filter(|(met, _)| !met);
        faults.extend(missing.map(|(_, demand)| format!("{name} lacks {demand}")));
    }
    let strays = files(&["docs/runbooks"], &["md"]).into_iter().map(|file| file.path);
    faults.extend(
        strays
            .filter(|path| !pages.iter().any(|page| *path == format!("docs/runbooks/{page}.md")))
            .map(|path| path + ": no alert"),
    );
    assert_none("alerts and runbooks", &faults);
}

#[test]
fn every_panel_has_a_description_a_unit_and_the_data_source_of_its_choice() {
    let mut faults = Vec::new();
    for Source { path, text: json } in files(&["deploy/grafana/dashboards"], &["json"]) {
        let dashboard: Value = serde_json::from_str(&json).unwrap();
        for panel in dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row") {
            let title = text(panel, "/title");
            let has_unit = panel["targets"].is_null() || !text(panel, "/fieldConfig/defaults/unit").is_empty();
            let is_choice = text(panel, "/datasource/uid") == "${datasource}";
            if text(panel, "/description").is_empty() || !has_unit || !is_choice {
                faults.push(format!("{path}: {title}"));
            }
        }
    }
    assert_none("panels", &faults);
}

#[test]
fn every_link_of_a_dashboard_leads_to_a_runbook() {
    let mut faults = Vec::new();
    for Source { path, text } in files(&["deploy/grafana/dashboards"], &["json"]) {
        for page in text.split(RUNBOOKS).skip(1).map(|rest| rest.split('"').next().unwrap()) {
            if !root().join("docs/runbooks").join(page).exists() {
                faults.push(format!("{path}: {page}"));
            }
        }
    }
    assert_none("dead links", &faults);
}

/// The metrics of docs/metrics.md, with the series that each has.
fn documented() -> BTreeSet<String> {
    let page = read("docs/metrics.md");
    let mut series = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`');
        if cells[2] == "histogram" {
            series.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        }
        series.insert(name.to_owned());
    }
    assert!(series.len() > 40, "only {} series were found", series.len());
    series
}

/// The metrics that a query names: its words outside quotes that begin like ours.
fn named(query: &str) -> BTreeSet<&str> {
    let outside = query.split('"').step_by(2);
    let words = outside.flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':'));
    let ours = |word: &&str| {
        word.contains(':') || ["portcullis_", "http_", "process_"].iter().any(|start| word.starts_with(start))
    };
    words.filter(ours).collect()
}

#[test]
fn every_query_names_metrics_that_exist() {
    let mut known = documented();
    known.extend(recordings().iter().map(|rule| text(rule, "/record").to_owned()));
    let rules = alerts().into_iter().chain(recordings()).map(|rule| {
        let name = text(&rule, "/alert").to_owned() + text(&rule, "/record");
        (name, text(&rule, "/expr").to_owned())
    });
    let mut faults = Vec::new();
    for (place, query) in rules.chain(dashboard_queries()) {
        faults.extend(
            named(&query).into_iter().filter(|name| !known.contains(*name)).map(|name| format!("{place}: {name}")),
        );
    }
    assert_none("no such metric", &faults);
}

#[test]
fn every_metric_of_the_code_is_documented() {
    let documented = documented();
    let mut found = 0;
    let mut faults = Vec::new();
    for Source { path, text } in files(&["src"], &["rs"]) {
        for word in text.split('"').filter(|word| word.starts_with("portcullis_") && *word != "portcullis_layers") {
            found += 1;
            if !documented.contains(word) {
                faults.push(format!("{path}: {word}"));
            }
        }
    }
    assert!(found > 10, "only {found} metrics were found");
    assert_none("not in docs/metrics.md", &faults);
}
