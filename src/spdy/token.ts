/** The `Upgrade` token of Kubernetes. The frames behind it are SPDY version 3. */
export const UPGRADE_TOKEN = 'SPDY/3.1';
