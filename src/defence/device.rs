//! The mark that a device returns.

use http::{HeaderName, HeaderValue, header};
use uuid::Uuid;

use crate::db::{GenericClient, devices};
use crate::error::ApiError;
use crate::handlers::Call;
use crate::reply::Response;

/// The cookie. The prefix makes browsers refuse it from anybody but this host, over TLS (RFC 6265bis §4.1.3).
const COOKIE: &str = "__Host-portcullis_device";
/// The same as a header, for clients without cookies.
const HEADER: HeaderName = HeaderName::from_static("portcullis-device");
/// Devices that an account is remembered on. Each has a budget of guesses of its own.
const MOST: i64 = 10;
/// Browsers keep no cookie for longer than 400 days (RFC 6265bis §5.5).
const MAX_AGE: u32 = 400 * 24 * 3600;

/// The device of this request, if the user logged in on it before and nobody took its mark back.
///
/// # Errors
/// When the database does not answer.
pub async fn known_device(call: &Call, client: &impl GenericClient, user_id: Uuid) -> Result<Option<Uuid>, ApiError> {
    let Some(mark) = presented(call).find_map(|text| call.app.defence.marks.read(text, user_id)) else {
        return Ok(None);
    };
    Ok(devices::is_known(client, mark, user_id).await?.then_some(mark))
}

/// Every mark that the request carries, ours or not.
fn presented(call: &Call) -> impl Iterator<Item = &str> {
    let headers = &call.parts.headers;
    let header = headers.get_all(HEADER).iter().filter_map(|value| value.to_str().ok());
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    header.chain(cookies.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value))
}

/// Remembers the device of a log-in, in its transaction: the known one, or a new one, for which the one that was used longest ago may have
/// to be forgotten. Tells what its client is to return. The transaction has written the account's row, so that no two come at once.
///
/// # Errors
/// When the database does not answer.
pub async fn remember(
    call: &Call,
    client: &impl GenericClient,
    user_id: Uuid,
    mark: Option<Uuid>,
) -> Result<DeviceMark, ApiError> {
    let (app, now) = (&call.app, call.now());
    let mark = match mark {
        Some(mark) if devices::touch(client, mark, user_id, now).await? => mark,
        _ => {
            let mark = app.random.uuid(now)?;
            devices::insert(client, mark, user_id, now).await?;
            devices::revoke_oldest(client, user_id, now, mark, MOST - 1).await?;
            mark
        }
    };
    Ok(DeviceMark(app.defence.marks.write(mark, user_id)))
}

/// What a client is to return at its next log-in.
#[derive(Clone, Debug)]
pub struct DeviceMark(String);

impl DeviceMark {
    /// Puts the mark into an answer, as a cookie and as a header.
    ///
    /// # Errors
    /// Never for marks as they are: base64url is good in a header.
    pub fn put(&self, response: &mut Response) -> Result<(), ApiError> {
        let cookie = format!("{COOKIE}={}; Path=/; Max-Age={MAX_AGE}; Secure; HttpOnly; SameSite=Lax", self.0);
        let headers = response.headers_mut();
        headers.append(header::SET_COOKIE, HeaderValue::try_from(cookie).map_err(ApiError::internal)?);
        headers.insert(HEADER, HeaderValue::try_from(&self.0).map_err(ApiError::internal)?);
        Ok(())
    }
}
