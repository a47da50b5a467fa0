/** What a request's schema refuses, in words for whoever asked: which part it is, what was given, and what is allowed. Pure. */

/** As the validator reports it; https://ajv.js.org/api.html#error-objects. */
export interface SchemaError {
  readonly keyword: string;
  readonly schemaPath: string;
  /** JSON pointer to what is refused; empty: all of it. */
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

export type RequestPart = 'body' | 'querystring' | 'params' | 'headers';

interface Finding {
  readonly kind: 'rule' | 'missing' | 'unknown';
  readonly schemaPath: string;
  /** JSON pointer. */
  readonly path: string;
  /** Whether it is about the sort of value and not about one of the right sort. */
  readonly ofSort: boolean;
  /** What it must be: "be at least 1"; the name, of what is missing or unknown. */
  readonly text: string;
}

const MOST_SENTENCES = 8;
const LONGEST_SHOWN = 60;
/** Of these the error must not repeat what was given: it is kept in logs. */
const SECRET = /pass|secret|token|key|option/i;

/** Sentences for {@link GodwitError.message}. `given`: the part of the request that was refused. */
export function describeSchemaErrors(errors: readonly SchemaError[], part: RequestPart, given: unknown): string {
  const findings = errors.reduce<Finding[]>(take, []);
  const byPath = Map.groupBy(findings, ({ kind, path }) => `${kind} ${path}`);
  const sentences = [...byPath.values()].map((group) => sentence(group, part, given));
  return sentences.slice(0, MOST_SENTENCES).join(' ');
}

function take(findings: Finding[], error: SchemaError): Finding[] {
  const { keyword, schemaPath, instancePath: path, params } = error;
  // The next one, about the object, has the names.
  if (keyword === 'boolean' && schemaPath.endsWith('/additionalProperties')) return findings;
  if (keyword === 'anyOf') return takeUnion(findings, error);
  const named = (kind: 'missing' | 'unknown', names: unknown) =>
    textsOf(names).map((name) => ({ kind, schemaPath, path, ofSort: false, text: name }));
  if (keyword === 'required') return [...findings, ...named('missing', params['requiredProperties'])];
  if (keyword === 'additionalProperties') return [...findings, ...named('unknown', params['additionalProperties'])];
  const ofSort = ['type', 'const', 'enum'].includes(keyword);
  return [...findings, { kind: 'rule', schemaPath, path, ofSort, text: ruleOf(error) }];
}

/** Several schemas of which one must hold: what is said about each comes before. The one that was meant counts, if that can be told. */
function takeUnion(findings: readonly Finding[], { schemaPath, instancePath: path }: SchemaError): Finding[] {
  const prefix = `${schemaPath}/anyOf/`;
  const before = findings.filter((finding) => !finding.schemaPath.startsWith(prefix));
  const within = findings.filter((finding) => finding.schemaPath.startsWith(prefix));
  const forms = [...Map.groupBy(within, (finding) => finding.schemaPath.slice(prefix.length).split('/')[0]).values()];
  const meant = forms.find((form) => !form.some((finding) => finding.path === path && finding.ofSort));
  if (meant?.some((finding) => finding.kind !== 'rule' || finding.path !== path) === true) return [...before, ...meant];
  const rules = forms.map((form) => form.map(({ text }) => text).join(' and '));
  const text = rules.every((rule) => rule.startsWith('be '))
    ? `be ${rules.map((rule) => rule.slice('be '.length)).join(' or ')}`
    : rules.join(' or ');
  return [...before, { kind: 'rule', schemaPath, path, ofSort: meant === undefined, text }];
}

const SORTS: Readonly<Record<string, string>> = {
  integer: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
};

function ruleOf({ keyword, params, message }: SchemaError): string {
  const limit = plain(params['limit']);
  switch (keyword) {
    case 'type':
      return `be ${SORTS[plain(params['type'])] ?? plain(params['type'])}`;
    case 'minimum':
      return `be at least ${limit}`;
    case 'maximum':
      return `be at most ${limit}`;
    case 'exclusiveMinimum':
      return `be more than ${limit}`;
    case 'exclusiveMaximum':
      return `be less than ${limit}`;
    case 'multipleOf':
      return `be a multiple of ${plain(params['multipleOf'])}`;
    case 'const':
      return `be ${plain(params['allowedValue'])}`;
    case 'enum':
      return `be ${oneOf(textsOf(params['allowedValues']))}`;
    case 'minLength':
      return limit === '1' ? 'not be empty' : `have at least ${limit} characters`;
    case 'maxLength':
      return `have at most ${limit} characters`;
    case 'minItems':
      return limit === '1' ? 'not be empty' : `have at least ${limit} entries`;
    case 'maxItems':
      return `have at most ${limit === '1' ? '1 entry' : `${limit} entries`}`;
    case 'uniqueItems':
      return 'not have the same entry twice';
    case 'pattern':
      return `be of the form ${plain(params['pattern'])}`;
    default:
      return (message ?? 'be as described').replace(/^must /, '');
  }
}

function oneOf(words: readonly string[]): string {
  return words.length === 1 ? (words[0] ?? '') : `one of ${words.join(', ')}`;
}

function textsOf(names: unknown): string[] {
  return Array.isArray(names) ? names.map(plain) : [];
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function sentence(group: readonly Finding[], part: RequestPart, given: unknown): string {
  const [{ kind, path } = { kind: 'rule', path: '' }] = group;
  const texts = [...new Set(group.map(({ text }) => text))];
  const noun = NOUNS[part];
  if (kind === 'rule') {
    const subject = path === '' ? `The ${WHOLES[part]}` : `The ${noun} "${shownPath(path)}"`;
    const shown = shownValue(path, part, valueAt(given, path));
    const must = `must ${texts.join(' and ')}.`;
    return shown === null ? `${subject} ${must}` : `${subject} is ${shown}; it ${must}`;
  }
  const names = texts.map((name) => `"${shownPath(`${path}/${name}`)}"`).join(', ');
  if (kind === 'unknown') return `The ${WHOLES[part]} must not have the ${noun} ${names}.`;
  return texts.length === 1 ? `The ${noun} ${names} is missing.` : `The ${noun}s ${names} are missing.`;
}

const NOUNS: Readonly<Record<RequestPart, string>> = {
  ...{ body: 'field', querystring: 'parameter', params: 'part', headers: 'header' },
};

const WHOLES: Readonly<Record<RequestPart, string>> = {
  ...{ body: 'body', querystring: 'query', params: 'path', headers: 'head' },
};

/** "/disks/0/sizeBytes" as disks[0].sizeBytes. */
function shownPath(path: string): string {
  return stepsOf(path).reduce((shown, step) => {
    if (/^\d+$/.test(step)) return `${shown}[${step}]`;
    return shown === '' ? step : `${shown}.${step}`;
  }, '');
}

function stepsOf(path: string): string[] {
  const steps = path.split('/').slice(1);
  return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function valueAt(given: unknown, path: string): unknown {
  return stepsOf(path).reduce<unknown>((value, step) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    return (value as Readonly<Record<string, unknown>>)[step];
  }, given);
}

/** Null: it is not to be shown. */
function shownValue(path: string, part: RequestPart, value: unknown): string | null {
  if (value === undefined || (value === null && path === '')) return 'missing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (SECRET.test(path)) return null;
  if (typeof value !== 'string') return plain(value);
  if (part === 'querystring' && /^-?\d+(\.\d+)?$/.test(value) && value.length <= LONGEST_SHOWN) return value;
  return value.length <= LONGEST_SHOWN ? `"${value}"` : `"${value.slice(0, LONGEST_SHOWN)}…"`;
}
