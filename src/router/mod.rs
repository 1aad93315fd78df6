//! Matching over the route table: early, as a layer whose finding every other layer may ask for ([`MatchRouteLayer`]); and late, as the
//! service that runs the handler of the row ([`Dispatch`]).

mod dispatch;
mod fitness;
mod match_route;

use std::collections::BTreeMap;

use http::{HeaderValue, Method, Request};

pub use dispatch::{Compressible, Dispatch};
pub use fitness::Unfit;
pub use match_route::{MatchRoute, MatchRouteLayer};

use crate::routes::{ROUTES, Route};

/// What the table says of a request; a request extension.
#[derive(Clone, Copy, Debug)]
pub enum Match {
    /// This row answers.
    Row(&'static Route),
    /// The path is known, the method is not.
    WrongMethod(usize),
    /// No row has this path.
    NoPath,
    /// The request is not fit to be matched.
    Unfit(Unfit),
}

impl Match {
    /// The row, if one answers.
    #[must_use]
    pub fn row(&self) -> Option<&'static Route> {
        if let Self::Row(route) = self { Some(route) } else { None }
    }

    /// The row that a request matched.
    pub fn of<B>(request: &Request<B>) -> Option<&'static Route> {
        request.extensions().get::<Self>().and_then(Self::row)
    }
}

/// The rows of one path.
#[derive(Debug)]
struct Entry {
    pattern: &'static str,
    rows: Vec<&'static Route>,
    allow: HeaderValue,
}

/// The table, prepared for look-ups.
#[derive(Debug)]
pub struct Router {
    paths: matchit::Router<usize>,
    entries: Vec<Entry>,
}

/// The table has a fault: two patterns that collide, or one that `matchit` does not take.
#[derive(Debug, thiserror::Error)]
#[error("the route table cannot be built: {0}")]
pub struct RouteTableError(#[from] matchit::InsertError);

impl Router {
    /// Prepares those rows of the table that `wanted` picks.
    ///
    /// # Errors
    /// When two patterns of the table collide.
    pub fn over(wanted: impl Fn(&Route) -> bool) -> Result<Self, RouteTableError> {
        let mut by_path: BTreeMap<&'static str, Vec<&'static Route>> = BTreeMap::new();
        for route in ROUTES.iter().filter(|route| wanted(route)) {
            by_path.entry(route.path).or_default().push(route);
        }
        let mut router = Self { paths: matchit::Router::new(), entries: Vec::new() };
        for (pattern, rows) in by_path {
            router.paths.insert(pattern, router.entries.len())?;
            let allow = allow(&rows);
            router.entries.push(Entry { pattern, rows, allow });
        }
        Ok(router)
    }

    /// Finds the row, and the pattern if the path is known.
    fn find(&self, method: &Method, path: &str) -> (Match, Option<&'static str>) {
        let Ok(found) = self.paths.at(path) else { return (Match::NoPath, None) };
        let index = *found.value;
        let Some(entry) = self.entries.get(index) else { return (Match::NoPath, None) };
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        let row = entry.rows.iter().find(|row| row.method == wanted);
        (row.map_or(Match::WrongMethod(index), |row| Match::Row(row)), Some(entry.pattern))
    }
}

fn allow(rows: &[&'static Route]) -> HeaderValue {
    let mut methods: Vec<&str> = rows.iter().map(|row| row.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    HeaderValue::from_str(&methods.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
}
