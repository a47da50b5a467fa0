import { type BrandVariants, createDarkTheme, createLightTheme, type Theme } from '@fluentui/react-components';
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import type { ReactNode } from 'react';
import { remember, remembered } from './remembered.ts';

/** The colour of a shallow sea: the accent of the whole console. */
const godwit: BrandVariants = {
  10: '#010506',
  20: '#08191c',
  30: '#0a2a2f',
  40: '#0a373d',
  50: '#08444b',
  60: '#05515a',
  70: '#035f69',
  80: '#0b6b74',
  90: '#237983',
  100: '#3a8892',
  110: '#5097a1',
  120: '#66a6af',
  130: '#7db6be',
  140: '#95c5cc',
  150: '#aed5da',
  160: '#c8e5e8',
};

export const light: Theme = createLightTheme(godwit);
const dark: Theme = {
  ...createDarkTheme(godwit),
  colorBrandForeground1: godwit[120],
  colorBrandForeground2: godwit[130],
  colorBrandForegroundLink: godwit[130],
  colorBrandForegroundLinkHover: godwit[140],
};

interface Appearance {
  readonly theme: Theme;
  readonly isDark: boolean;
  readonly toggleDark: () => void;
}

const AppearanceContext = createContext<Appearance>({ theme: light, isDark: false, toggleDark: () => {} });

/** Light or dark: as chosen in this browser, else as the system has it. */
export function AppearanceProvider({ children }: { readonly children: ReactNode }) {
  const [isDark, setDark] = useState(() => {
    const chosen = remembered('theme');
    return chosen === null ? matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark';
  });
  useEffect(() => {
    document.documentElement.style.colorScheme = isDark ? 'dark' : 'light';
    document.body.style.margin = '0';
    document.body.style.backgroundColor = (isDark ? dark : light).colorNeutralBackground3;
  }, [isDark]);
  const toggleDark = useCallback(() => {
    setDark((before) => {
      remember('theme', before ? 'light' : 'dark');
      return !before;
    });
  }, []);
  const appearance = useMemo(() => ({ theme: isDark ? dark : light, isDark, toggleDark }), [isDark, toggleDark]);
  return <AppearanceContext value={appearance}>{children}</AppearanceContext>;
}

export function useAppearance(): Appearance {
  return useContext(AppearanceContext);
}
