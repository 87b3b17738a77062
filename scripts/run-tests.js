// Runs compiled tests: `node scripts/run-tests.js unit conformance [--only PATTERN]`. Fails when a folder has no test.
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
