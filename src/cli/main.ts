const [command, , path = ''] = process.argv.slice(2);
if (command === 'agent' || command === 'witness') {
  const { runAgent } = await import('../agent/main.ts');
  await runAgent(path);
}
