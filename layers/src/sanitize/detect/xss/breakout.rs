//! Text that ends the attribute it stands in and adds another: `" onmouseover=alert(1)`.

use super::super::Finding;
use super::super::bytes::{Classes, REACH, before_blanks, continues, is_word, listed, skip_blanks, word_start};
use super::script;

/// Events of HTML and SVG, without their `on`.
const EVENTS: &[&str] = &[
    "abort",
    "activate",
    "afterprint",
    "afterscriptexecute",
    "afterupdate",
    "animationcancel",
    "animationend",
    "animationiteration",
    "animationstart",
    "auxclick",
    "beforecopy",
    "beforecut",
    "beforedeactivate",
    "beforeeditfocus",
    "beforeinput",
    "beforematch",
    "beforepaste",
    "beforeprint",
    "beforescriptexecute",
    "beforetoggle",
    "beforeunload",
    "beforeupdate",
    "beforexrselect",
    "begin",
    "blur",
    "bounce",
    "cancel",
    "canplay",
    "canplaythrough",
    "cellchange",
    "change",
    "click",
    "close",
    "command",
    "contentvisibilityautostatechange",
    "contextmenu",
    "controlselect",
    "copy",
    "cuechange",
    "cut",
    "dataavailable",
    "datasetchanged",
    "datasetcomplete",
    "dblclick",
    "deactivate",
    "devicemotion",
    "deviceorientation",
    "drag",
    "dragend",
    "dragenter",
    "dragleave",
    "dragover",
    "dragstart",
    "drop",
    "durationchange",
    "emptied",
    "end",
    "ended",
    "error",
    "errorupdate",
    "fencedtreeclick",
    "filterchange",
    "finish",
    "focus",
    "focusin",
    "focusout",
    "formchange",
    "formdata",
    "forminput",
    "fullscreenchange",
    "gesturechange",
    "gestureend",
    "gesturestart",
    "gotpointercapture",
    "hashchange",
    "help",
    "input",
    "invalid",
    "keydown",
    "keypress",
    "keyup",
    "languagechange",
    "layoutcomplete",
    "load",
    "loadeddata",
    "loadedmetadata",
    "loadend",
    "loadstart",
    "losecapture",
    "lostpointercapture",
    "message",
    "messageerror",
    "mousedown",
    "mouseenter",
    "mouseleave",
    "mousemove",
    "mouseout",
    "mouseover",
    "mouseup",
    "mousewheel",
    "move",
    "moveend",
    "movestart",
    "offline",
    "online",
    "orientationchange",
    "outofsync",
    "pagehide",
    "pagereveal",
    "pageshow",
    "pageswap",
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
    "pointerrawupdate",
    "pointerup",
    "popstate",
    "progress",
    "propertychange",
    "ratechange",
    "readystatechange",
    "rejectionhandled",
    "repeat",
    "reset",
    "resize",
    "resizeend",
    "resizestart",
    "rowenter",
    "rowexit",
    "rowsdelete",
    "rowsinserted",
    "scroll",
    "scrollend",
    "scrollsnapchange",
    "scrollsnapchanging",
    "search",
    "securitypolicyviolation",
    "seeked",
    "seeking",
    "select",
    "selectionchange",
    "selectstart",
    "show",
    "slotchange",
    "stalled",
    "start",
    "stop",
    "storage",
    "submit",
    "suspend",
    "syncrestored",
    "timeupdate",
    "toggle",
    "touchcancel",
    "touchend",
    "touchmove",
    "touchstart",
    "transitioncancel",
    "transitionend",
    "transitionrun",
    "transitionstart",
    "unhandledrejection",
    "unload",
    "urlflip",
    "volumechange",
    "waiting",
    "webkitanimationend",
    "webkitanimationiteration",
    "webkitanimationstart",
    "webkitfullscreenchange",
    "webkitmouseforcechanged",
    "webkitmouseforcedown",
    "webkitmouseforceup",
    "webkitmouseforcewillbegin",
    "webkitplaybacktargetavailabilitychanged",
    "webkittransitionend",
    "webkitwillrevealbottom",
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
    let handles = name.len() > 4 && name[..2].eq_ignore_ascii_case(b"on");
    // After a quote, every name of that form: browsers learn new events.
    let event = handles && (listed(EVENTS, &name[2..]) || quoted && opens_with_quote);
    if event && (separated || start == 0) && text.get(equals + 1) != Some(&b'=') {
        let called = script::is_call(text, value) && (quoted || !is_told(text, start, value));
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

/// `I set onclick="foo()" on the button`: a sentence about an attribute, which calls nothing that is worth an attack.
fn is_told(text: &[u8], start: usize, value: usize) -> bool {
    const WORDS: usize = 2;
    let words = text[..start].iter().filter(|&&byte| byte == b' ').count();
    words >= WORDS && matches!(text.get(value), Some(b'"' | b'\'')) && !script::calls_sink(text, value + 1)
}

/// Whether the first quote of the text comes before anything that opens a phrase in quotes.
fn opens_with_quote(text: &[u8]) -> bool {
    let mark = text.iter().position(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    mark.is_some_and(|at| {
        let ends = text.get(at + 1).is_none_or(|&next| !is_word(next));
        !text[..at].contains(&b' ') && (ends || continues(text, at + 1, "on"))
    })
}

#[cfg(test)]
mod tests {
    use super::EVENTS;

    #[test]
    fn the_lists_are_sorted_as_the_search_needs_them() {
        assert!(EVENTS.is_sorted());
    }
}
