//! `problem`.

use axum::body::Body;
use axum::response::IntoResponse;
use axum_problem::ProblemLayer;
use http::Response;
use problem_details::ProblemDetails;
use tower::{Layer, ServiceBuilder};

use crate::exchange::{Get, Handler};
use crate::table::{Row, Table};

const OURS: &str = "problem: a bare 404";

/// A handler that makes its own problem, for `problem_details` has no layer.
pub(crate) fn measure_type(table: &mut Table, get: &Get) {
    let problem = |response: Response<Body>| {
        let problem = ProblemDetails::from_status_code(response.status());
        problem.into_response()
    };
    let row = Row { rival_of: Some(OURS), ..Row::refused("problem_details, by the handler") };
    let service = ServiceBuilder::new().map_response(problem).service(Handler::<Body>::not_found());
    table.measure(row, get, service);
}

pub(crate) fn measure_layer(table: &mut Table, get: &Get) {
    type Handler = crate::exchange::Handler<axum_07::body::Body>;
    let row = Row { rival_of: Some("problem"), ..Row::passed("axum-problem") };
    table.measure(row, get, ProblemLayer.layer(Handler::ok()));
    let row = Row { rival_of: Some(OURS), ..Row::refused("axum-problem: a bare 404") };
    table.measure(row, get, ProblemLayer.layer(Handler::not_found()));
}
