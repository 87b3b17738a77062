import { describe } from 'node:test';
import { backpressureCases } from './backpressure.js';
import { baseCases } from './base.js';
import { closeCases } from './close.js';
import { halfCloseCases } from './half-close.js';
import { idleCases } from './idle.js';
import { replyCases } from './reply.js';
import { resetCases } from './reset.js';
import { stressCases } from './stress.js';
import type { ComplianceFactory, ComplianceOptions } from './types.js';

export type { ComplianceFactory, ComplianceOptions, CompliancePair, ComplianceSetup } from './types.js';

/**
 * Registers, with `node:test`, what every engine on every carrier must do: one suite for all.
 *
 * @param name of the engine and carrier, as it shall show in the report.
 */
export function connectionCompliance(name: string, factory: ComplianceFactory, options: ComplianceOptions = {}): void {
  describe(`${name}: compliance`, { timeout: 60_000 }, () => {
    baseCases(factory);
    replyCases(factory);
    halfCloseCases(factory);
    resetCases(factory, options.resetReasons ?? true);
    backpressureCases(factory, options.volume ?? 1, options.streamWindow ?? 0);
    idleCases(factory);
    closeCases(factory);
    stressCases(factory, options.volume ?? 1);
  });
}
