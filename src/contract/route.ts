import type { Static, TObject, TSchema } from 'typebox';

/** Everything of the REST API lives below this path. */
export const API_PREFIX = '/api/v1';

/** A request of the REST API as data: the server registers it, the client calls it, OpenAPI is made from it. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below {@link API_PREFIX}, with parameters as `:name`. */
  readonly path: string;
  /** One sentence for the API's documentation. */
  readonly summary: string;
  /** `false`: answered without signing in. */
  readonly signedIn?: false;
  readonly params?: TObject;
  readonly query?: TObject;
  readonly body?: TObject;
  /** By HTTP status; any other answer is an ErrorBody. */
  readonly response: Readonly<Record<number, TSchema>>;
}

/** Keeps the exact types of the schemas, so that server and client infer theirs from them. */
export function route<const R extends Route>(definition: R): R {
  return definition;
}

type StaticOr<S, Otherwise> = S extends TSchema ? Static<S> : Otherwise;
type Part<R extends Route, Name extends 'params' | 'query' | 'body'> = Name extends keyof R ? R[Name] : undefined;

export type ParamsOf<R extends Route> = StaticOr<Part<R, 'params'>, Record<string, never>>;
export type QueryOf<R extends Route> = StaticOr<Part<R, 'query'>, Record<string, never>>;
export type BodyOf<R extends Route> = StaticOr<Part<R, 'body'>, undefined>;
export type ResponseOf<R extends Route> = StaticOr<R['response'][keyof R['response']], never>;

/** What a caller gives: params where the route has some, query and body likewise. */
export type InputOf<R extends Route> = ('params' extends keyof R ? { readonly params: ParamsOf<R> } : object) &
  ('query' extends keyof R ? { readonly query?: QueryOf<R> } : object) &
  ('body' extends keyof R ? { readonly body: BodyOf<R> } : object);

export interface PathParts {
  readonly params?: Readonly<Record<string, string>>;
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** The path of a request, with the prefix, parameters filled in and encoded. Throws on a missing parameter: that is a bug. */
export function path(of: Pick<Route, 'path'>, parts: PathParts = {}): string {
  const filled = of.path.replace(/:([A-Za-z]+)/g, (_match, name: string) => {
    const value = parts.params?.[name];
    if (value === undefined) throw new Error(`The path ${of.path} needs "${name}".`);
    return encodeURIComponent(value);
  });
  const query = Object.entries(parts.query ?? {})
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join('&');
  return `${API_PREFIX}${filled}${query === '' ? '' : `?${query}`}`;
}
