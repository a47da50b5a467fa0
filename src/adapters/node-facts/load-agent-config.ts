import { readFile } from 'node:fs/promises';
import Value from 'typebox/value';
import { parse } from 'yaml';
import type { AgentConfig } from '../../model/agent-config.ts';
import { GodwitError } from '../../model/errors.ts';
import { agentConfigSchema } from './agent-config-schema.ts';

/** Reads and checks an agent's configuration file, JSON or YAML. Throws INVALID_INPUT naming the file and the field. */
export async function loadAgentConfig(path: string): Promise<AgentConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw invalidConfig(path, `it cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`, error);
  }
  let value: unknown;
  try {
    // JSON is YAML, so one parser reads both.
    value = parse(text);
  } catch (error) {
    throw invalidConfig(path, error instanceof Error ? error.message : String(error), error);
  }
  return checkAgentConfig(path, value);
}

/** The value as a configuration; `path` is only for the message. */
export function checkAgentConfig(path: string, value: unknown): AgentConfig {
  if (Value.Check(agentConfigSchema, value)) return value;
  const [first, ...others] = fieldErrors(value);
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  throw invalidConfig(path, `${first ?? 'it has the wrong shape'}${more}`);
}

/** One sentence per field that is wrong. */
function fieldErrors(value: unknown): string[] {
  const sentences = new Map<string, string>();
  for (const error of Value.Errors(agentConfigSchema, value)) {
    const field = fieldName(error.instancePath);
    if (error.keyword === 'required') {
      for (const missing of error.params.requiredProperties) {
        const name = field === '' ? missing : `${field}.${missing}`;
        sentences.set(name, `field "${name}" is missing`);
      }
    } else if (error.keyword === 'additionalProperties') {
      for (const unknown of error.params.additionalProperties) {
        const name = field === '' ? unknown : `${field}.${unknown}`;
        sentences.set(name, `field "${name}" is not known`);
      }
    } else if (error.keyword === 'const') {
      // One error per allowed word of a union: they become one sentence.
      const known = sentences.get(field);
      const word = JSON.stringify(error.params.allowedValue);
      sentences.set(field, known === undefined ? `field "${field}" must be ${word}` : `${known} or ${word}`);
    } else if (!sentences.has(field) && error.keyword !== 'anyOf' && error.keyword !== 'boolean') {
      const expected = error.keyword === 'pattern' ? describePattern(error.schemaPath) : error.message;
      sentences.set(field, field === '' ? `the file ${expected}` : `field "${field}" ${expected}`);
    }
  }
  return [...sentences.values()];
}

/** "/store/members/0/name" to "store.members[0].name". */
function fieldName(instancePath: string): string {
  return instancePath
    .split('/')
    .slice(1)
    .map((part, index) => (/^\d+$/.test(part) ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

/** What the schema at this path asks for, in words rather than as a regular expression. */
function describePattern(schemaPath: string): string {
  let schema: unknown = agentConfigSchema;
  for (const part of schemaPath.split('/').slice(1)) schema = (schema as Record<string, unknown> | undefined)?.[part];
  const description = (schema as { description?: string } | undefined)?.description;
  return description === undefined ? 'has the wrong form' : `must be ${description}`;
}

function invalidConfig(path: string, problem: string, cause?: unknown): GodwitError {
  return new GodwitError(
    {
      code: 'INVALID_INPUT',
      message: `The configuration file ${path} is not valid: ${problem}.`,
      state: 'The agent was not started.',
      nextStep: `Correct ${path} and start the agent again.`,
    },
    cause,
  );
}
