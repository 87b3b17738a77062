/** The `Upgrade` token of yamux whose streams carry headers, by the preface of docs/wire/yamux.md. */
export const HEADERS_TOKEN = 'yamux-headers/1';
/** The `Upgrade` token of plain yamux, for any peer that speaks it. */
export const PLAIN_TOKEN = 'yamux';

/** The token for a mode. */
export function upgradeToken(headers: boolean): string {
  return headers ? HEADERS_TOKEN : PLAIN_TOKEN;
}
