// Speaks to the service that sent the page.

// A little longer than the service works on a request at most.
const PATIENCE = 35_000;

/** The service turned the request down, or did not answer: `code` is the stable code of the problem body, else "offline". */
export class Refusal extends Error {
  constructor(code, { message = "", details = [], wait = 0 } = {}) {
    super(message);
    this.code = code;
    /** `[{field, code, message}]` */
    this.details = details;
    /** Seconds after which another attempt makes sense. */
    this.wait = wait;
  }
}

/** Sends JSON to an operation below /api/v1/auth. Throws a Refusal. */
export async function post(operation, body) {
  let response;
  try {
    response = await fetch(`api/v1/auth/${operation}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new Refusal("offline");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const { error = "unavailable", message, details } = answer;
    throw new Refusal(error, { message, details, wait: Number(response.headers.get("Retry-After")) || 0 });
  }
  return answer;
}
