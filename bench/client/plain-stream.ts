/** A plain TCP stream from one machine to another, for a link's rate where iperf3 is not to be had. */
import { connect, createServer } from 'node:net';
import { nowMs } from './figures.ts';

const PORT = 5201;
const SEND_MS = 4000;
const PIECE = Buffer.alloc(256 * 1024, 'godwit');

/** One stream; resolves at its end to its rate in bytes per second. */
export function receiveStream(address: string, onListening: () => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      let bytes = 0;
      let firstMs = 0;
      let lastMs = 0;
      socket.on('data', (data) => {
        lastMs = nowMs();
        if (firstMs === 0) firstMs = lastMs;
        else bytes += data.length;
      });
      socket.on('error', reject);
      socket.on('close', () => {
        server.close();
        resolve((bytes / (lastMs - firstMs)) * 1000);
      });
    });
    server.on('error', reject);
    server.listen({ host: address, port: PORT }, onListening);
  });
}

export function sendStream(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: PORT });
    let untilMs = 0;
    const send = () => {
      while (nowMs() < untilMs) if (!socket.write(PIECE)) return;
      socket.end();
    };
    socket.on('connect', () => {
      untilMs = nowMs() + SEND_MS;
      send();
    });
    socket.on('drain', send);
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}
