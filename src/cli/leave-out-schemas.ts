/**
 * The command line takes from the contract which paths there are; what the schemas are for, checking, is the
 * server's. Yet they are built when the contract is loaded, by a library of 300 files that takes longer to load
 * than everything else together. Commands get by with a stand-in that builds nothing.
 */
import { registerHooks } from 'node:module';

const STAND_IN = `data:text/javascript,${encodeURIComponent(
  'export const Type = new Proxy({}, { get: () => () => ({}) }); export default Type;',
)}`;

let left = false;

/** From now on `typebox` is the stand-in. Not for a process that checks anything. */
export function leaveOutSchemas(): void {
  if (left) return;
  left = true;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'typebox' ? { url: STAND_IN, format: 'module', shortCircuit: true } : next(specifier, context),
  });
}
