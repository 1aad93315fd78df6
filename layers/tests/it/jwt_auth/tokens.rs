//! Tables of tokens with the verdict on each: the rules themselves, without HTTP.

use aws_lc_rs::signature::KeyPair;
use portcullis_layers::jwt_auth::{Fault, Rejection};

use super::forge::{self, NOW, claiming, claims, encode, good, headed, header, token, token_by};

fn verdict(token: &str) -> Result<(), Rejection> {
    forge::validation().verify(&forge::key_set(), token, NOW).map(drop)
}

fn assert_refused(table: &[(&str, Fault, String)]) {
    for (case, fault, token) in table {
        assert_eq!(verdict(token), Err(Rejection::InvalidToken(*fault)), "{case}: {token:.200}");
    }
}

#[test]
fn a_token_that_keeps_every_rule_is_accepted() {
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let table = [
        ("plain", good()),
        ("typ in capitals", headed(&[("typ", r#""AT+JWT""#)])),
        ("typ in full", headed(&[("typ", r#""application/at+jwt""#)])),
        ("alg by the name of RFC 9864", headed(&[("alg", r#""Ed25519""#)])),
        ("escapes in the header", headed(&[("kid", r#""\u0065d""#)])),
        ("one id, two algorithms", headed(&[("kid", r#""twin""#)])),
        ("a jku that nobody follows", headed(&[("jku", r#""https://evil.example/jwks.json""#)])),
        ("an x5u that nobody follows", headed(&[("x5u", r#""https://evil.example/cert.pem""#)])),
        ("aud as an array", claiming(&[("aud", r#"["other","api"]"#)])),
        ("escapes in the claims", claiming(&[("iss", r#""https:\/\/issuer\u002eexample""#)])),
        ("no iat", claiming(&[("iat", "")])),
        ("no nbf", claiming(&[("nbf", "")])),
        ("iat long ago", claiming(&[("iat", "0")])),
        ("the largest exp", claiming(&[("exp", "18446744073709551615")])),
        ("exp within the leeway", claiming(&[("exp", "1799999996")])),
        ("nbf within the leeway", claiming(&[("nbf", "1800000005")])),
        ("a claim nested deep that nobody reads", claiming(&[("x", &deep)])),
        ("unknown claims", claiming(&[("x", r#"{"exp":"no"}"#)])),
        ("ES256", token_by(forge::p256, &header(&[("alg", r#""ES256""#), ("kid", r#""ec""#)]), claims(&[]))),
        (
            "ES256 of the twin",
            token_by(forge::p256, &header(&[("alg", r#""ES256""#), ("kid", r#""twin""#)]), claims(&[])),
        ),
        ("RS256", token_by(forge::rs256, &header(&[("alg", r#""RS256""#), ("kid", r#""rsa""#)]), claims(&[]))),
        (
            "HS256",
            token_by(forge::hs256(forge::SECRET), &header(&[("alg", r#""HS256""#), ("kid", r#""hs""#)]), claims(&[])),
        ),
    ];
    for (case, token) in &table {
        assert_eq!(verdict(token), Ok(()), "{case}");
    }
}

#[test]
fn no_token_chooses_its_own_algorithm() {
    let public = forge::ED25519.public_key().as_ref();
    let rsa_der = forge::RSA.public_key().as_ref();
    let alg = |alg: &str, kid: &str| header(&[("alg", alg), ("kid", kid)]);
    let unsigned = |alg: &str| token_by(|_| Vec::new(), &header(&[("alg", alg)]), claims(&[]));
    assert_refused(&[
        ("alg none, no signature", Fault::Malformed, unsigned(r#""none""#)),
        ("alg none, with a signature", Fault::Algorithm, headed(&[("alg", r#""none""#)])),
        ("alg None", Fault::Algorithm, headed(&[("alg", r#""None""#)])),
        ("alg NONE", Fault::Algorithm, headed(&[("alg", r#""NONE""#)])),
        ("alg nOnE", Fault::Algorithm, headed(&[("alg", r#""nOnE""#)])),
        ("alg none without kid", Fault::NoKeyId, headed(&[("alg", r#""none""#), ("kid", "")])),
        ("alg eddsa", Fault::Algorithm, headed(&[("alg", r#""eddsa""#)])),
        ("alg empty", Fault::Algorithm, headed(&[("alg", r#""""#)])),
        ("alg absent", Fault::Malformed, headed(&[("alg", "")])),
        ("alg null", Fault::Malformed, headed(&[("alg", "null")])),
        ("alg a number", Fault::Malformed, headed(&[("alg", "0")])),
        ("alg an array", Fault::Malformed, headed(&[("alg", r#"["EdDSA"]"#)])),
        (
            "HS256 with the Ed25519 key",
            Fault::Algorithm,
            token_by(forge::hs256(public), &alg(r#""HS256""#, r#""ed""#), claims(&[])),
        ),
        (
            "the same under the secret's id",
            Fault::Signature,
            token_by(forge::hs256(public), &alg(r#""HS256""#, r#""hs""#), claims(&[])),
        ),
        (
            "HS256 with the RSA key",
            Fault::Algorithm,
            token_by(forge::hs256(rsa_der), &alg(r#""HS256""#, r#""rsa""#), claims(&[])),
        ),
        (
            "HS512 with the secret",
            Fault::Algorithm,
            token_by(forge::hs256(forge::SECRET), &alg(r#""HS512""#, r#""hs""#), claims(&[])),
        ),
        (
            "PS256 with the RS256 key",
            Fault::Algorithm,
            token_by(forge::ps256, &alg(r#""PS256""#, r#""rsa""#), claims(&[])),
        ),
        (
            "PSS passed off as RS256",
            Fault::Signature,
            token_by(forge::ps256, &alg(r#""RS256""#, r#""rsa""#), claims(&[])),
        ),
        (
            "ES256 with the id of the Ed25519 key",
            Fault::Algorithm,
            token_by(forge::p256, &alg(r#""ES256""#, r#""ed""#), claims(&[])),
        ),
        (
            "an ES256 signature as EdDSA",
            Fault::Signature,
            token_by(forge::p256, &alg(r#""EdDSA""#, r#""twin""#), claims(&[])),
        ),
    ]);
}

#[test]
fn no_token_brings_or_picks_a_foreign_key() {
    let own = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, encode(forge::STRANGER.public_key()));
    let forged = |changes: &[(&str, &str)]| token_by(forge::stranger, &header(changes), claims(&[]));
    assert_refused(&[
        ("signed by a stranger", Fault::Signature, forged(&[])),
        ("its own key in jwk", Fault::Signature, forged(&[("jwk", &own)])),
        ("its own key in jwk, no kid", Fault::NoKeyId, forged(&[("jwk", &own), ("kid", "")])),
        ("a jku", Fault::Signature, forged(&[("jku", r#""https://evil.example/jwks.json""#)])),
        ("an x5u", Fault::Signature, forged(&[("x5u", r#""https://evil.example/cert.pem""#)])),
        ("an x5c", Fault::Signature, forged(&[("x5c", r#"["MIIB"]"#)])),
        ("an unknown kid", Fault::UnknownKey, headed(&[("kid", r#""other""#)])),
        ("a kid in other case", Fault::UnknownKey, headed(&[("kid", r#""ED""#)])),
        ("an empty kid", Fault::UnknownKey, headed(&[("kid", r#""""#)])),
        ("a path as kid", Fault::UnknownKey, headed(&[("kid", r#""../../../dev/null""#)])),
        ("SQL as kid", Fault::UnknownKey, headed(&[("kid", r#""' or 1=1 --""#)])),
        ("no kid among several keys", Fault::NoKeyId, headed(&[("kid", "")])),
        ("kid null", Fault::NoKeyId, headed(&[("kid", "null")])),
        ("kid a number", Fault::Malformed, headed(&[("kid", "1")])),
    ]);
}

#[test]
fn headers_that_must_be_understood_are_refused() {
    assert_refused(&[
        ("crit", Fault::CriticalHeader, headed(&[("crit", r#"["exp"]"#)])),
        ("crit b64", Fault::CriticalHeader, headed(&[("crit", r#"["b64"]"#), ("b64", "false")])),
        ("crit empty", Fault::CriticalHeader, headed(&[("crit", "[]")])),
        ("crit null", Fault::CriticalHeader, headed(&[("crit", "null")])),
        ("typ of any JWT", Fault::TokenType, headed(&[("typ", r#""JWT""#)])),
        ("typ of an ID token", Fault::TokenType, headed(&[("typ", r#""id+jwt""#)])),
        ("typ absent", Fault::TokenType, headed(&[("typ", "")])),
        ("typ null", Fault::TokenType, headed(&[("typ", "null")])),
        ("typ empty", Fault::TokenType, headed(&[("typ", r#""""#)])),
        ("typ with a suffix", Fault::TokenType, headed(&[("typ", r#""at+jwt;v=2""#)])),
        ("typ a number", Fault::Malformed, headed(&[("typ", "1")])),
        (
            "alg twice",
            Fault::Malformed,
            token(r#"{"alg":"EdDSA","kid":"ed","typ":"at+jwt","alg":"none"}"#, claims(&[])),
        ),
        ("no object", Fault::Malformed, token(r#""EdDSA""#, claims(&[]))),
        ("an array", Fault::Malformed, token("[]", claims(&[]))),
        ("no JSON", Fault::Malformed, token("alg=EdDSA", claims(&[]))),
        ("text behind the object", Fault::Malformed, token(&format!("{}x", header(&[])), claims(&[]))),
    ]);
}

#[test]
fn a_token_that_was_tampered_with_is_refused() {
    let good = good();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (first, second) = message.split_once('.').unwrap();
    let swapped = |claims: String| format!("{first}.{}.{signature}", encode(claims));
    let es256 = header(&[("alg", r#""ES256""#), ("kid", r#""ec""#)]);
    let stray_bits = format!("{}{}", &good[..good.len() - 1], if good.ends_with('A') { 'B' } else { 'R' });
    assert_refused(&[
        ("another subject", Fault::Signature, swapped(claims(&[("sub", r#""admin""#)]))),
        ("a later exp", Fault::Signature, swapped(claims(&[("exp", "1900000000")]))),
        ("another header", Fault::Signature, format!("{}.{second}.{signature}", encode(header(&[("x", "1")])))),
        ("the signature of another token", Fault::Signature, {
            let other = claiming(&[("sub", r#""bob""#)]);
            format!("{message}.{}", other.rsplit_once('.').unwrap().1)
        }),
        ("a signature of zeros", Fault::Signature, token_by(|_| vec![0; 64], &header(&[]), claims(&[]))),
        ("a short signature", Fault::Signature, token_by(|_| vec![1; 8], &header(&[]), claims(&[]))),
        ("ES256 with r = s = 0", Fault::Signature, token_by(|_| vec![0; 64], &es256, claims(&[]))),
        ("ES256 in DER", Fault::Signature, token_by(forge::p256_in_der, &es256, claims(&[]))),
        ("signature cut off", Fault::Malformed, format!("{message}.")),
        ("signature left out", Fault::Malformed, message.to_owned()),
        ("one part", Fault::Malformed, first.to_owned()),
        ("four parts", Fault::Malformed, format!("{good}.{signature}")),
        ("five parts, as JWE has", Fault::Malformed, format!("{first}.{second}.{second}.{second}.{signature}")),
        ("a dot in front", Fault::Malformed, format!(".{good}")),
        ("dots alone", Fault::Malformed, "..".to_owned()),
        ("nothing", Fault::Malformed, String::new()),
        ("truncated", Fault::Malformed, good[..good.len() - 1].to_owned()),
        ("bits beyond the last byte", Fault::Malformed, stray_bits),
        ("padding", Fault::Malformed, format!("{good}==")),
        ("the other alphabet", Fault::Malformed, format!("{first}.{second}.+/{signature}")),
        ("not base64", Fault::Malformed, format!("{first}!.{second}.{signature}")),
        ("a line break", Fault::Malformed, format!("{first}.{second}.{signature}\n")),
        ("letters beyond ASCII", Fault::Malformed, format!("{first}é.{second}.{signature}")),
    ]);
}

#[test]
fn times_that_are_no_whole_seconds_or_not_now_are_refused() {
    assert_refused(&[
        ("exp a string", Fault::ClaimFormat, claiming(&[("exp", r#""1800000900""#)])),
        ("exp a float", Fault::ClaimFormat, claiming(&[("exp", "1800000900.5")])),
        ("exp a whole float", Fault::ClaimFormat, claiming(&[("exp", "1800000900.0")])),
        ("exp with an exponent", Fault::ClaimFormat, claiming(&[("exp", "18e8")])),
        ("exp negative", Fault::ClaimFormat, claiming(&[("exp", "-1")])),
        ("exp null", Fault::ClaimFormat, claiming(&[("exp", "null")])),
        ("exp true", Fault::ClaimFormat, claiming(&[("exp", "true")])),
        ("exp beyond 64 bits", Fault::ClaimFormat, claiming(&[("exp", "18446744073709551616")])),
        ("exp beyond all numbers", Fault::ClaimFormat, claiming(&[("exp", "1e400")])),
        ("exp absent", Fault::MissingClaim, claiming(&[("exp", "")])),
        ("exp twice", Fault::ClaimFormat, token(&header(&[]), claims(&[]).replace('{', r#"{"exp":1,"#))),
        ("nbf a string", Fault::ClaimFormat, claiming(&[("nbf", r#""0""#)])),
        ("nbf in the future", Fault::NotYetValid, claiming(&[("nbf", "1800000006")])),
        ("nbf the largest", Fault::NotYetValid, claiming(&[("nbf", "18446744073709551615")])),
        ("iat a string", Fault::ClaimFormat, claiming(&[("iat", r#""now""#)])),
        ("iat negative", Fault::ClaimFormat, claiming(&[("iat", "-1")])),
        ("iat in the future", Fault::NotYetValid, claiming(&[("iat", "1800000006")])),
    ]);
}

#[test]
fn tokens_of_others_and_for_others_are_refused() {
    assert_refused(&[
        ("iss foreign", Fault::Issuer, claiming(&[("iss", r#""https://evil.example""#)])),
        ("iss with a slash more", Fault::Issuer, claiming(&[("iss", r#""https://issuer.example/""#)])),
        ("iss in capitals", Fault::Issuer, claiming(&[("iss", r#""HTTPS://ISSUER.EXAMPLE""#)])),
        ("iss empty", Fault::Issuer, claiming(&[("iss", r#""""#)])),
        ("iss absent", Fault::MissingClaim, claiming(&[("iss", "")])),
        ("iss an array", Fault::ClaimFormat, claiming(&[("iss", r#"["https://issuer.example"]"#)])),
        ("iss null", Fault::ClaimFormat, claiming(&[("iss", "null")])),
        ("aud foreign", Fault::Audience, claiming(&[("aud", r#""other""#)])),
        ("aud a list of others", Fault::Audience, claiming(&[("aud", r#"["a","b"]"#)])),
        ("aud an empty list", Fault::Audience, claiming(&[("aud", "[]")])),
        ("aud a prefix", Fault::Audience, claiming(&[("aud", r#""ap""#)])),
        ("aud a list in a string", Fault::Audience, claiming(&[("aud", r#""other api""#)])),
        ("aud absent", Fault::MissingClaim, claiming(&[("aud", "")])),
        ("aud a number", Fault::ClaimFormat, claiming(&[("aud", "1")])),
        ("aud with a number", Fault::ClaimFormat, claiming(&[("aud", r#"["api",1]"#)])),
        ("aud null", Fault::ClaimFormat, claiming(&[("aud", "null")])),
        ("aud an object", Fault::ClaimFormat, claiming(&[("aud", r#"{"api":true}"#)])),
        ("sub absent", Fault::MissingClaim, claiming(&[("sub", "")])),
        ("sub empty", Fault::MissingClaim, claiming(&[("sub", r#""""#)])),
        ("sub a number", Fault::ClaimFormat, claiming(&[("sub", "1")])),
    ]);
}

#[test]
fn claims_that_do_not_fit_the_app_are_refused() {
    assert_refused(&[
        ("a refresh token", Fault::ClaimsCheck, claiming(&[("token_type", r#""refresh""#)])),
        ("no token_type", Fault::ClaimFormat, claiming(&[("token_type", "")])),
        ("token_type a number", Fault::ClaimFormat, claiming(&[("token_type", "1")])),
        (
            "token_type twice",
            Fault::ClaimFormat,
            token(&header(&[]), claims(&[]).replace('}', r#","token_type":"refresh"}"#)),
        ),
        (
            "an unknown claim twice",
            Fault::ClaimFormat,
            token(&header(&[]), claims(&[]).replace('}', r#","x":null,"\u0078":1}"#)),
        ),
        ("scope a number", Fault::ClaimFormat, claiming(&[("scope", "1")])),
        ("an array", Fault::ClaimFormat, token(&header(&[]), "[]")),
        ("no JSON", Fault::ClaimFormat, token(&header(&[]), "sub=alice")),
        ("text behind the object", Fault::ClaimFormat, token(&header(&[]), format!("{}{}", claims(&[]), claims(&[])))),
        ("a control character", Fault::ClaimFormat, token(&header(&[]), claims(&[]).replace("alice", "al\u{1}ce"))),
        ("broken UTF-8", Fault::ClaimFormat, token(&header(&[]), [claims(&[]).as_bytes(), b"\xff"].concat())),
    ]);
}

#[test]
fn expiry_is_told_only_to_those_whose_token_is_good_otherwise() {
    let late = ("exp", "1799999995");
    assert_eq!(verdict(&claiming(&[late])), Err(Rejection::TokenExpired));
    assert_eq!(verdict(&claiming(&[("exp", "0"), ("iat", "0"), ("nbf", "0")])), Err(Rejection::TokenExpired));
    assert_refused(&[
        ("foreign", Fault::Issuer, claiming(&[late, ("iss", r#""https://evil.example""#)])),
        ("of another type", Fault::ClaimsCheck, claiming(&[late, ("token_type", r#""refresh""#)])),
        ("forged", Fault::Signature, token_by(forge::stranger, &header(&[]), claims(&[late]))),
    ]);
}
