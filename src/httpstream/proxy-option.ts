/**
 * A proxy to dial through, or a function that names one for an address; `undefined` means a direct connection.
 *
 * An address of scheme `http:`, `https:` (both tunnel by CONNECT, RFC 9110, 9.3.6), `socks5:` or `socks5h:` (RFC 1928; the
 * proxy resolves the server's name with both). Credentials in it are sent to the proxy, percent-escapes decoded. Default
 * ports: 80, 443, 1080. Path and query are ignored.
 *
 * A function is called once for each connection, with a copy of the server's address; what it throws, the caller gets.
 */
export type ProxyOption = string | URL | ((url: URL) => string | URL | undefined);
