//! Headers that are set where a response has none of their names, at the price of looking few names up.

use std::mem;

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// What most responses bring themselves.
const USUAL: [HeaderName; 2] = [header::CONTENT_TYPE, header::CONTENT_LENGTH];

/// Names for which the map has room before it must be built anew: those of the response and of the layers further out.
const ROOM: usize = 12;

#[derive(Debug)]
pub(super) struct Set {
    headers: HeaderMap,
    /// What is copied for a response: the same, with a place for each of the usual headers, since a copied map has no place to spare.
    with_places: HeaderMap,
    places: Box<[HeaderName]>,
    strip: Box<[HeaderName]>,
}

impl Set {
    /// Headers to set and headers to remove; none is among both.
    pub(super) fn new(headers: HeaderMap, strip: &[HeaderName]) -> Self {
        let free = |name: &HeaderName| !headers.contains_key(name) && !strip.contains(name);
        let places: Box<[_]> = USUAL.into_iter().filter(free).collect();
        let mut with_places = HeaderMap::try_with_capacity(headers.len() + ROOM).unwrap_or_default();
        let empty = HeaderValue::from_static("");
        for (name, value) in headers.iter().chain(places.iter().map(|name| (name, &empty))) {
            let _full = with_places.try_insert(name, value.clone());
        }
        Self { headers, with_places, places, strip: strip.into() }
    }

    /// Completes the headers of a response. A map that is full (32 768 fields) gets no more.
    pub(super) fn complete(&self, headers: &mut HeaderMap) {
        if headers.len() <= self.headers.len() {
            self.complete_few(headers);
            return;
        }
        for name in &self.strip {
            headers.remove(name);
        }
        for (name, value) in &self.headers {
            set_if_absent(headers, name, || Some(value.clone()));
        }
    }

    /// Looking names up is what costs, and a copy of a map looks up none: the fewer headers are put to a copy of the more.
    fn complete_few(&self, headers: &mut HeaderMap) {
        let own = mem::replace(headers, self.with_places.clone());
        for name in self.places.iter().filter(|place| !own.keys().any(|name| name == *place)) {
            headers.remove(name);
        }
        let mut kept = None;
        for (name, value) in own {
            // The further values of a name come without it.
            if let Some(name) = name {
                kept = (!self.strip.contains(&name)).then_some(name);
                if let Some(name) = &kept {
                    let _full = headers.try_insert(name, value);
                }
            } else if let Some(name) = &kept {
                let _full = headers.try_append(name, value);
            }
        }
    }
}

pub(super) fn set_if_absent(headers: &mut HeaderMap, name: &HeaderName, value: impl FnOnce() -> Option<HeaderValue>) {
    if let Ok(header::Entry::Vacant(vacant)) = headers.try_entry(name)
        && let Some(value) = value()
    {
        let _full = vacant.try_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    /// Both ways to complete a response come to the same.
    #[track_caller]
    fn check(
        set: &[(&'static str, &'static str)],
        own: &[(&'static str, &'static str)],
        expected: &[(&'static str, &'static str)],
    ) {
        let strip = [header::SERVER, HeaderName::from_static("x-powered-by")];
        let set = Set::new(map(set), &strip);
        let mut few = map(own);
        set.complete(&mut few);
        assert_eq!(few, map(expected));

        let more: Vec<_> = (0..40).map(|number| HeaderName::try_from(format!("x-{number}")).unwrap()).collect();
        let mut many = map(own);
        many.extend(more.iter().map(|name| (name.clone(), HeaderValue::from_static(""))));
        set.complete(&mut many);
        for name in more {
            many.remove(name);
        }
        assert_eq!(many, map(expected));
    }

    const SET: [(&str, &str); 3] = [("x-frame-options", "DENY"), ("cache-control", "no-store"), ("x-custom", "1")];

    #[test]
    fn what_a_response_has_stays_and_what_it_lacks_is_set() {
        check(&SET, &[], &SET);
        check(
            &SET,
            &[("content-type", "text/html"), ("x-frame-options", "SAMEORIGIN")],
            &[("content-type", "text/html"), ("x-frame-options", "SAMEORIGIN"), SET[1], SET[2]],
        );
        check(&SET, &[("content-length", "5")], &[("content-length", "5"), SET[0], SET[1], SET[2]]);
    }

    #[test]
    fn all_values_of_a_name_stay_in_order() {
        let cookies = [("set-cookie", "a=1"), ("set-cookie", "b=2")];
        check(&SET, &cookies, &[cookies[0], cookies[1], SET[0], SET[1], SET[2]]);
        let cached = [("cache-control", "private"), ("cache-control", "max-age=5")];
        check(&SET, &cached, &[cached[0], cached[1], SET[0], SET[2]]);
    }

    #[test]
    fn stripped_headers_go_with_all_their_values() {
        check(&SET, &[("server", "a"), ("server", "b"), ("x-powered-by", "c")], &SET);
    }

    #[test]
    fn a_usual_header_may_itself_be_set() {
        let set = [("content-type", "text/plain")];
        check(&set, &[], &set);
        check(&set, &[("content-type", "text/html")], &[("content-type", "text/html")]);
        check(&[], &[], &[]);
    }
}
