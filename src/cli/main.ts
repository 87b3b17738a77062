#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { clusterCommand } from './cluster-command.js';

interface Manifest {
  readonly version: string;
  readonly description: string;
}

/** The package's own manifest: the nearest one above, for the compiled file may lie at any depth. */
function readManifest(from: URL): Manifest {
  for (let directory = new URL('.', from); ; directory = new URL('..', directory)) {
    try {
      return JSON.parse(readFileSync(new URL('package.json', directory), 'utf8')) as Manifest;
    } catch (error) {
      if (directory.pathname === '/' || new URL('..', directory).href === directory.href) throw error;
    }
  }
}

const { version, description } = readManifest(new URL(import.meta.url));

// A reader that has seen enough, such as `head`, is no reason to fail.
process.stdout.on('error', () => {});

const program = new Command('trunkline')
  .description(description)
  .version(version)
  .showHelpAfterError('(add --help for what is possible)')
  .addCommand(clusterCommand());

await program.parseAsync();
