import { InvalidArgumentError } from '../errors/index.js';
import type { UpgradeRequest } from '../httpstream/index.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';

const OPTIONS: OptionNames<UpgradeRequest> = {
  url: true,
  method: true,
  headers: true,
  protocols: true,
  tls: true,
  dialer: true,
  proxy: true,
  proxyTls: true,
  signal: true,
  timeout: true,
};

/** Refuses what is no request, an address alone say, and misspelt options. @throws InvalidArgumentError */
export function checkRequest(request: Omit<UpgradeRequest, 'method'>): void {
  if (typeof request !== 'object' || request === null || request instanceof URL) {
    throw new InvalidArgumentError('a request is an object with a url: dial({ url })');
  }
  checkOptionNames('an upgrade request', request, OPTIONS);
}
