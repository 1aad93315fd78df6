//! `jwt_auth`. None of the others has a cache.

use aws_lc_rs::signature::KeyPair;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jwt_authorizer::{Authorizer, IntoLayer, JwtAuthorizer};
use serde_json::{Value, json};
use tower::Layer;
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;

use crate::exchange::{Failure, Get, Handler, Plain, get_with};
use crate::table::{Row, Table};
use crate::token::{AUDIENCE, ISSUER, Token};

const PASSED: &str = "jwt_auth, Ed25519";
const MISSING: &str = "jwt_auth: no token";
const FORGED: &str = "jwt_auth: bad signature";

pub(crate) async fn measure(table: &mut Table, get: &Get, token: &Token) -> Result<(), Failure> {
    let audiences = vec![AUDIENCE.to_owned()];
    let tenant = TenantConfiguration::static_builder(key_set(token))
        .claims_validation(ClaimsValidationSpec::new().exp(true).iss(ISSUER).aud(&audiences))
        .build()?;
    let server = OAuth2ResourceServer::<Value>::builder().add_tenant(tenant).build().await?;
    let service = server.into_layer().layer(Plain::ok());

    let row = Row { rival_of: Some(PASSED), ..Row::passed("tower-oauth2-resource-server, Ed25519") };
    table.measure(row, &get_with(&token.text)?, service.clone());
    let row = Row { rival_of: Some(MISSING), ..Row::refused("tower-oauth2-resource-server: no token") };
    table.measure(row, get, service.clone());
    let row = Row { rival_of: Some(FORGED), ..Row::refused("tower-oauth2-resource-server: bad signature") };
    table.measure(row, &get_with(&token.forged())?, service);
    Ok(())
}

pub(crate) async fn measure_with_axum(table: &mut Table, get: &Get, token: &Token) -> Result<(), Failure> {
    let validation = jwt_authorizer::Validation::new().iss(&[ISSUER]).aud(&[AUDIENCE]);
    let authorizer: Authorizer<Value> =
        JwtAuthorizer::from_jwks_text(&key_set(token)).validation(validation).build().await?;
    let service = authorizer.into_layer().layer(Handler::<axum_07::body::Body>::ok());

    let row = Row { rival_of: Some(PASSED), ..Row::passed("jwt-authorizer, Ed25519") };
    table.measure(row, &get_with(&token.text)?, service.clone());
    let row = Row { rival_of: Some(MISSING), ..Row::refused("jwt-authorizer: no token") };
    table.measure(row, get, service.clone());
    let row = Row { rival_of: Some(FORGED), ..Row::refused("jwt-authorizer: bad signature") };
    table.measure(row, &get_with(&token.forged())?, service);
    Ok(())
}

/// The public key as a JWK set, for both take nothing simpler.
fn key_set(token: &Token) -> String {
    let x = BASE64_URL_SAFE_NO_PAD.encode(token.key.public_key());
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "1", "x": x }] })
        .to_string()
}
