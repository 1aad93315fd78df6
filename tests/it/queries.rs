//! Every query of the service is one that PostgreSQL takes, with the schema as the migrations leave it.

use std::collections::BTreeSet;

use portcullis::db::Query;
use portcullis::db::catalog::TABLES;

use crate::support::fresh_database;

fn all() -> impl Iterator<Item = &'static Query> {
    TABLES.iter().copied().flatten()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_can_be_prepared_on_a_freshly_migrated_database() {
    let client = fresh_database().await.connect().await;
    for query in all() {
        let (name, sql) = (query.name(), query.sql);
        let statement = client.prepare(sql).await.unwrap_or_else(|error| panic!("{name}: {error:?}\n{sql}"));
        for column in statement.columns() {
            assert_ne!(column.name(), "?column?", "a column without a name in {name}:\n{sql}");
        }
    }
}

#[test]
fn every_file_with_queries_is_in_the_catalog() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/db")).unwrap();
    let files: BTreeSet<_> = folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| std::fs::read_to_string(path).unwrap().contains("pub const QUERIES"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(files, all().map(|query| query.table().to_owned()).collect());
}

#[test]
fn no_two_queries_share_a_name_or_a_statement() {
    let count = all().count();
    assert_eq!(all().map(Query::name).collect::<BTreeSet<_>>().len(), count);
    assert_eq!(all().map(|query| query.sql).collect::<BTreeSet<_>>().len(), count);
}
