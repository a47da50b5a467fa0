import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { startI18n } from './text/i18n.ts';

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no #root.');
await startI18n();
createRoot(root).render(<App />);
