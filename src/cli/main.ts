import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// Before anything else is loaded, since only what is loaded later is found in the cache.
enableCompileCache(
  process.getuid?.() === 0
    ? '/var/cache/godwit/node'
    : join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'godwit', 'node'),
);
const [{ runCommandLine }, { standardOutput }, { leaveOutSchemas }] = await Promise.all([
  import('./run.ts'),
  import('./standard-output.ts'),
  import('./leave-out-schemas.ts'),
]);

const status = await runCommandLine(process.argv.slice(2), standardOutput(), leaveOutSchemas);
// A command is over when it says so, whatever connections or timers are left; an agent is not.
if (status !== 'keeps-running') {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(status)));
}
