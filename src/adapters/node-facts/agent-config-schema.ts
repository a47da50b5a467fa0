import { type Static, type TProperties, Type } from 'typebox';
import type { AgentConfig } from '../../model/agent-config.ts';

/** A field that nobody knows is a typing error more often than not, so it is refused. */
const strictObject = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false });

const port = Type.Integer({ minimum: 1, maximum: 65_535 });
const path = Type.String({ pattern: '^/', description: 'an absolute path' });
const name = Type.String({
  pattern: '^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$',
  description: 'a name of 1 to 63 letters, digits and hyphens',
});
const text = Type.String({ minLength: 1 });
const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const httpsUrl = Type.String({ pattern: '^https://', description: 'an https URL' });

/** The shape of {@link AgentConfig}, for checking a file. */
export const agentConfigSchema = strictObject({
  clusterName: name,
  node: name,
  role: Type.Union([Type.Literal('node'), Type.Literal('witness')]),
  addresses: Type.Array(text, { minItems: 1 }),
  api: strictObject({ port, url: httpsUrl, alsoReachedAs: Type.Optional(Type.Array(httpsUrl)) }),
  peerPort: port,
  pki: strictObject({
    caCertificate: path,
    certificate: path,
    key: path,
    qemuDirectory: path,
    caKey: Type.Optional(path),
  }),
  admission: Type.Optional(text),
  certificateAddresses: Type.Optional(Type.Array(text)),
  store: strictObject({
    members: Type.Array(strictObject({ name, address: text }), { minItems: 1 }),
    clientPort: port,
    peerPort: port,
    etcdBinary: nullable(path),
  }),
  stateDirectory: path,
  runtimeDirectory: path,
  logDirectory: path,
  volumes: Type.Array(strictObject({ name, path })),
  switches: Type.Array(strictObject({ name, bridge: text })),
  vmMemoryBytes: Type.Integer({ minimum: 0 }),
  qemu: strictObject({
    binary: text,
    user: nullable(strictObject({ uid: Type.Integer({ minimum: 0 }), gid: Type.Integer({ minimum: 0 }) })),
    accelerator: Type.Union([Type.Literal('auto'), Type.Literal('kvm'), Type.Literal('tcg')]),
  }),
  migration: strictObject({
    tls: Type.Boolean(),
    bandwidthBytesPerSecond: nullable(Type.Integer({ minimum: 1 })),
    network: nullable(
      strictObject({
        cidr: Type.String({ pattern: '^[0-9a-f.:]+/\\d+$', description: 'a network such as "10.79.0.0/24"' }),
        address: text,
        bandwidthBytesPerSecond: nullable(Type.Integer({ minimum: 1 })),
      }),
    ),
  }),
  administrator: strictObject({
    user: text,
    passwordHash: Type.String({
      pattern: '^scrypt:\\d+:[0-9a-f]+:[0-9a-f]+$',
      description: 'a password hash "scrypt:<N>:<salt hex>:<hash hex>"',
    }),
  }),
  guard: nullable(
    strictObject({
      socket: path,
      cgroup: path,
      watchdog: nullable(strictObject({ device: path, timeoutFile: path })),
    }),
  ),
  labImage: nullable(strictObject({ kernel: path, initrd: path, commandLine: Type.String() })),
  imageSources: Type.Optional(strictObject({ allow: Type.Array(text) })),
  guestAddresses: nullable(
    strictObject({
      network: Type.String({
        pattern: '^\\d+\\.\\d+\\.\\d+\\.\\d+/\\d+$',
        description: 'a network such as "10.78.0.0/24"',
      }),
      first: Type.Integer({ minimum: 1 }),
      last: Type.Integer({ minimum: 1 }),
    }),
  ),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
type SameShape<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
/** Does not compile once schema and type differ. */
const schemaMatchesType: SameShape<DeepReadonly<Static<typeof agentConfigSchema>>, AgentConfig> = true;
void schemaMatchesType;
