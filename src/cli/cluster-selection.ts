/** Which cluster a command is about, and how to sign in there. Decides by what it is told; reads nothing itself. */
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';

export interface ClusterOptions {
  /** URLs separated by commas, or the name of a saved profile. */
  readonly cluster?: string;
  readonly lab?: string;
}

export interface ClusterTarget {
  /** Any of them will do; the best first. Never empty. */
  readonly urls: readonly string[];
  readonly user: string;
  /** Empty: none is known. */
  readonly password: string;
  /** Path of the CA's certificate; null: the system's CAs. */
  readonly caFile: string | null;
  /** In words, for errors: "the lab demo". */
  readonly origin: string;
}

export interface Profile {
  readonly urls: readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly caCertificate?: string;
}

export interface Profiles {
  /** Name of the profile that is meant when none is named. */
  readonly default?: string;
  readonly profiles: Readonly<Record<string, Profile>>;
}

export interface LabAccess {
  readonly urls: readonly string[];
  readonly user: string;
  readonly password: string;
  readonly caCertificate: string;
}

/** What there is to choose from. Asked for only as far as needed. */
export interface SelectionSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Null: no profiles are saved. */
  readProfiles(): Promise<Profiles | null>;
  /** The configuration of an agent on this machine; null: it is no node. */
  readOwnNode(): Promise<{ readonly url: string; readonly caCertificate: string } | null>;
  labNames(): Promise<readonly string[]>;
  /** Throws LAB_NOT_FOUND. */
  readLab(name: string): Promise<LabAccess>;
}

export async function selectCluster(options: ClusterOptions, sources: SelectionSources): Promise<ClusterTarget> {
  if (options.cluster !== undefined && options.lab !== undefined) {
    throw refuse('Both --cluster and --lab were given.', 'Name one cluster, with one of the two.');
  }
  if (options.lab !== undefined) return labTarget(options.lab, sources);
  const named = options.cluster ?? sources.env['GODWIT_CLUSTER'];
  if (named !== undefined && named !== '') return namedTarget(named, sources);
  const profiles = await sources.readProfiles();
  if (profiles?.default !== undefined) return profileTarget(profiles.default, profiles, sources);
  const own = await sources.readOwnNode();
  if (own !== null) {
    return signIn({ urls: [own.url], caFile: own.caCertificate, origin: 'the cluster of this node' }, {}, sources);
  }
  return onlyLabTarget(sources);
}

async function namedTarget(named: string, sources: SelectionSources): Promise<ClusterTarget> {
  if (!named.includes('://')) return profileTarget(named, await sources.readProfiles(), sources);
  const urls = named
    .split(',')
    .map((url) => url.trim().replace(/\/+$/, ''))
    .filter((url) => url !== '');
  const lab = sources.env['GODWIT_PASSWORD'] === undefined ? await labWithUrl(urls[0] ?? '', sources) : null;
  return signIn({ urls, caFile: lab?.caCertificate ?? null, origin: named }, lab ?? {}, sources);
}

/** Whose URL is that of a lab on this machine needs no password from the user. */
async function labWithUrl(url: string, sources: SelectionSources): Promise<LabAccess | null> {
  for (const name of await sources.labNames()) {
    const lab = await sources.readLab(name).catch(() => null);
    if (lab?.urls.includes(url) === true) return lab;
  }
  return null;
}

function profileTarget(name: string, profiles: Profiles | null, sources: SelectionSources): ClusterTarget {
  const profile = profiles?.profiles[name];
  if (profile === undefined || profile.urls.length === 0) {
    const names = Object.keys(profiles?.profiles ?? {});
    throw refuse(
      `"${name}" is neither a URL nor a saved profile with a URL.`,
      names.length === 0
        ? 'Give a URL such as https://10.78.0.11:8440.'
        : `Give a URL or one of these profiles: ${names.join(', ')}.`,
    );
  }
  const place = { urls: profile.urls, caFile: profile.caCertificate ?? null, origin: `the profile ${name}` };
  return signIn(place, profile, sources);
}

async function onlyLabTarget(sources: SelectionSources): Promise<ClusterTarget> {
  const [only, ...others] = await sources.labNames();
  if (only !== undefined && others.length === 0) return labTarget(only, sources);
  if (only === undefined) {
    throw refuse(
      'No cluster was named, and no lab is up on this machine.',
      'Name a cluster with --cluster URL or GODWIT_CLUSTER, or bring up a lab with `godwit lab up`.',
    );
  }
  const names = [only, ...others];
  throw refuse(
    `No cluster was named, and ${names.length} labs are up: ${names.join(', ')}.`,
    'Name one with --lab NAME, or a cluster with --cluster URL.',
  );
}

async function labTarget(name: string, sources: SelectionSources): Promise<ClusterTarget> {
  const lab = await sources.readLab(name);
  // What is in the environment is for another cluster: the lab's own credentials always fit.
  return {
    urls: lab.urls,
    user: lab.user,
    password: lab.password,
    caFile: lab.caCertificate,
    origin: `the lab ${name}`,
  };
}

function signIn(
  place: Pick<ClusterTarget, 'urls' | 'caFile' | 'origin'>,
  known: { readonly user?: string; readonly password?: string },
  { env }: SelectionSources,
): ClusterTarget {
  return {
    ...place,
    user: env['GODWIT_USER'] ?? known.user ?? 'admin',
    password: env['GODWIT_PASSWORD'] ?? known.password ?? '',
    caFile: env['GODWIT_CA'] ?? place.caFile,
  };
}

function refuse(message: string, nextStep: string): GodwitError {
  return new GodwitError({ code: 'INVALID_INPUT', message, state: NOTHING_CHANGED, nextStep });
}
