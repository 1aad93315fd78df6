// What the page remembers in its entry of the browser's history: the token, then how it ended.

/**
 * The token of the link. It leaves the address bar at once, so that it is neither bookmarked, shared nor seen over a shoulder; the entry of
 * the history keeps it for a reload.
 */
export function token() {
  const found = new URLSearchParams(location.search).get("token");
  if (found !== null) {
    history.replaceState({ token: found }, "", location.pathname);
  }
  return history.state?.token;
}

/** The view that the page ended with before it was reloaded or left. */
export function ending() {
  return new URLSearchParams(location.search).has("token") ? undefined : history.state?.ending;
}

/** Drops the token, which has done its work: going back or reloading shows the ending and sends nothing. */
export function end(view) {
  history.replaceState({ ending: view }, "", location.pathname);
}
