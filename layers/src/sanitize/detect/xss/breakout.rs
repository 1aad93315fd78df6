//! Text that ends the attribute it stands in and adds another: `" onmouseover=alert(1)`.

use super::super::Finding;
use super::super::bytes::{Classes, REACH, before_blanks, is_word, listed, skip_blanks, word_start};
use super::script;

/// Events of HTML and SVG, without their `on`.
const EVENTS: &[&str] = &[
    "abort",
    "activate",
    "afterprint",
    "animationend",
    "animationiteration",
    "animationstart",
    "auxclick",
    "beforecopy",
    "beforecut",
    "beforeinput",
    "beforepaste",
    "beforeprint",
    "beforescriptexecute",
    "beforeunload",
    "begin",
    "blur",
    "bounce",
    "cancel",
    "canplay",
    "canplaythrough",
    "change",
    "click",
    "close",
    "contextmenu",
    "copy",
    "cut",
    "dblclick",
    "drag",
    "dragend",
    "dragenter",
    "dragleave",
    "dragover",
    "dragstart",
    "drop",
    "end",
    "ended",
    "error",
    "finish",
    "focus",
    "focusin",
    "focusout",
    "formchange",
    "forminput",
    "fullscreenchange",
    "hashchange",
    "help",
    "input",
    "invalid",
    "keydown",
    "keypress",
    "keyup",
    "load",
    "loadeddata",
    "loadedmetadata",
    "loadend",
    "loadstart",
    "message",
    "mousedown",
    "mouseenter",
    "mouseleave",
    "mousemove",
    "mouseout",
    "mouseover",
    "mouseup",
    "mousewheel",
    "pagehide",
    "pageshow",
    "paste",
    "pause",
    "play",
    "playing",
    "pointercancel",
    "pointerdown",
    "pointerenter",
    "pointerleave",
    "pointermove",
    "pointerout",
    "pointerover",
    "pointerup",
    "popstate",
    "progress",
    "propertychange",
    "readystatechange",
    "repeat",
    "reset",
    "resize",
    "scroll",
    "scrollend",
    "search",
    "select",
    "selectstart",
    "show",
    "start",
    "storage",
    "submit",
    "timeupdate",
    "toggle",
    "touchcancel",
    "touchend",
    "touchmove",
    "touchstart",
    "transitionend",
    "unload",
    "volumechange",
    "wheel",
];

/// Finds an attribute outside of a tag.
pub(super) fn find(text: &[u8]) -> Option<Finding> {
    let opens = opens_with_quote(text);
    Classes::positions(text, Classes::EQUALS).find_map(|equals| attribute(text, equals, opens))
}

fn attribute(text: &[u8], equals: usize, opens_with_quote: bool) -> Option<Finding> {
    let end = before_blanks(text, equals);
    let start = (end.saturating_sub(32)..end).rev().take_while(|&at| text[at].is_ascii_alphabetic()).last()?;
    let name = &text[start..end];
    let quoted = start > 0 && {
        let before = &text[start.saturating_sub(REACH)..start];
        before.iter().any(|byte| matches!(byte, b'"' | b'\'' | b'`'))
            || before.windows(3).any(|quote| quote[..2] == [0xe2, 0x80] && matches!(quote[2], 0x98..=0x9d))
    };
    let assigned = {
        let end = before_blanks(text, start);
        let word = &text[word_start(text, end)..end];
        byte_before(text, start) == b'.' || [&b"const"[..], b"let", b"var"].contains(&word)
    };
    let separated = start > 0 && !assigned && (!is_word(text[start - 1]) || text[start - 1] >= 0x80);
    let value = skip_blanks(text, equals + 1);
    let event = name.len() > 4 && name[..2].eq_ignore_ascii_case(b"on") && listed(EVENTS, &name[2..]);
    if event && (separated || start == 0) && text.get(equals + 1) != Some(&b'=') {
        let called = script::is_call(text, value);
        if called || quoted && opens_with_quote && separated && text.get(value).is_some() {
            return Some(Finding { start, end: value, why: "adds an attribute that handles an event with script" });
        }
    }
    let style = name.eq_ignore_ascii_case(b"style")
        || name.eq_ignore_ascii_case(b"formaction")
        || name.eq_ignore_ascii_case(b"srcdoc");
    if style && separated && opens_with_quote && quoted {
        return Some(Finding { start, end: value, why: "adds an attribute that restyles or runs" });
    }
    None
}

fn byte_before(text: &[u8], at: usize) -> u8 {
    at.checked_sub(1).map_or(0, |at| text[at])
}

/// Whether the first quote of the text comes before anything that opens a phrase in quotes.
fn opens_with_quote(text: &[u8]) -> bool {
    let mark = text.iter().position(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    mark.is_some_and(|at| !text[..at].contains(&b' ') && text.get(at + 1).is_none_or(|&next| !is_word(next)))
}

#[cfg(test)]
mod tests {
    use super::EVENTS;

    #[test]
    fn the_lists_are_sorted_as_the_search_needs_them() {
        assert!(EVENTS.is_sorted());
    }
}
