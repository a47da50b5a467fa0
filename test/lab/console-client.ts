/** One who looks at a console and remembers everything that was said. */
import { readFileSync } from 'node:fs';
import { type NodeConsole, openNodeConsole } from '../../src/client/node-console.ts';
import { type ConsoleKind, consolePath } from '../../src/contract/console.ts';
import { type LabCluster, until, VM } from './lab-cluster.ts';

export class ConsoleClient {
  bytes: Buffer = Buffer.alloc(0);
  /** Close code; null while it is open. */
  code: number | null = null;
  readonly #console: NodeConsole;

  constructor(cluster: LabCluster, node: string, kind: ConsoleKind) {
    const { urls, user, password, caCertificate } = cluster.status;
    const url = urls[cluster.nodeNames.indexOf(node)] ?? '';
    const access = { url, user, password, ca: readFileSync(caCertificate, 'utf8') };
    this.#console = openNodeConsole(access, consolePath(kind, VM), {
      onOpen: () => undefined,
      onBytes: (bytes) => {
        this.bytes = Buffer.concat([this.bytes, bytes]);
      },
      onClose: (code) => {
        this.code = code;
      },
    });
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }

  write(data: string | Uint8Array): void {
    this.#console.write(typeof data === 'string' ? Buffer.from(data) : data);
  }

  close(): void {
    this.#console.close();
  }

  async says(text: string, withinMs = 20_000): Promise<void> {
    await until(`"${text}" on a console`, async () => this.text.includes(text), withinMs);
  }

  /** The shell works it out, so that the echo of what is typed is not taken for its answer. */
  async answers(left: number, right: number): Promise<void> {
    this.write(`echo =$((${left}*${right}))=\r`);
    await this.says(`=${left * right}=`);
  }

  /** RFC 6143, 7.1 and 7.3: version, no security, shared; resolves with the size and the name of the screen. */
  async openScreen(): Promise<{ width: number; height: number; name: string }> {
    await this.says('RFB 003.008\n');
    this.write('RFB 003.008\n');
    await this.#has(12 + 2);
    this.write(Uint8Array.of(1));
    await this.#has(12 + 2 + 4);
    this.write(Uint8Array.of(1));
    const start = 12 + 2 + 4;
    await this.#has(start + 24);
    const nameBytes = this.bytes.readUInt32BE(start + 20);
    await this.#has(start + 24 + nameBytes);
    const name = this.bytes.toString('utf8', start + 24, start + 24 + nameBytes);
    return { width: this.bytes.readUInt16BE(start), height: this.bytes.readUInt16BE(start + 2), name };
  }

  /** Asks for the whole screen, as raw pixels; resolves once it is there. */
  async seesScreen(): Promise<void> {
    const before = this.bytes.length;
    this.write(Uint8Array.of(2, 0, 0, 1, 0, 0, 0, 0));
    this.write(Uint8Array.of(3, 0, 0, 0, 0, 0, 255, 255, 255, 255));
    await this.#has(before + 100_000);
  }

  async #has(bytes: number): Promise<void> {
    await until(`${bytes} bytes on a console`, async () => this.bytes.length >= bytes, 20_000);
  }
}
