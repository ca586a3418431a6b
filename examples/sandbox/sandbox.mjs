#!/usr/bin/env node
// The command: starts the sandbox, says where it listens, and stops it when its
// time is up or it is told to.

import { HELP, UsageError, parseOptions } from './options.mjs';
import { startSandbox } from './server.mjs';

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
  } else {
    await run(options);
  }
} catch (err) {
  console.error(`sandbox: ${err.message}`);
  process.exit(err instanceof UsageError ? 2 : 1);
}

async function run(options) {
  const { http, https, ca, stop } = await startSandbox(options);
  const end = () => {
    stop();
    process.exit(0);
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  setTimeout(end, options.lifetime * 1000);
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid, http, https, ca })}\n`);
}
