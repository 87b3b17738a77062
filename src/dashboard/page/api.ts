/** What the dashboard's server said to an action. */
export interface Reply {
  readonly status: number;
  /** The pod that did it, where one did. */
  readonly pod: string;
  readonly body: unknown;
}

/** Something to publish. */
export interface Publication {
  readonly stream: string;
  readonly data: string;
  readonly ack?: string;
  readonly type?: string;
  readonly key?: string;
  /** Any ready pod without. */
  readonly pod?: string;
}

const HEADERS = { 'Trunkline-Dashboard': '1' };

/** Publishes on a pod. @throws TypeError when the dashboard does not answer. */
export async function publish({ data, ...fields }: Publication): Promise<Reply> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== '') query.set(name, value);
  const headers = { ...HEADERS, 'Content-Type': 'text/plain; charset=utf-8' };
  return await reply(await fetch(`/publish?${query}`, { method: 'POST', headers, body: data }));
}

/** Kills a pod, or has it replaced. @throws TypeError when the dashboard does not answer. */
export async function endPod(pod: string, action: 'kill' | 'replace'): Promise<Reply> {
  return await reply(await fetch(`/pods/${encodeURIComponent(pod)}/${action}`, { method: 'POST', headers: HEADERS }));
}

/** The error in an answer. */
export function errorOf({ status, body }: Reply): string {
  const text = field(body, 'error');
  return typeof text === 'string' ? text : `the answer was ${status}`;
}

/** A field of an answer that may be anything. */
export function field(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>)[name] : undefined;
}

async function reply(response: Response): Promise<Reply> {
  const text = await response.text();
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // Programs other than ours may answer as they like.
  }
  return { status: response.status, pod: response.headers.get('Trunkline-Pod') ?? '', body };
}
