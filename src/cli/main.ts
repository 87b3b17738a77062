#!/usr/bin/env node
import { Command } from 'commander';
import { packageVersion } from '../serve/version.js';
import { clusterCommand } from './cluster-command.js';
import { serveCommand } from './serve-command.js';

// A reader that has seen enough, such as `head`, is no reason to fail.
process.stdout.on('error', () => {});

const program = new Command('trunkline')
  .description('Many streams over one HTTP connection, and one event log over many pods.')
  .version(packageVersion())
  .showHelpAfterError('(add --help for what is possible)')
  .addCommand(serveCommand())
  .addCommand(clusterCommand());

await program.parseAsync();
