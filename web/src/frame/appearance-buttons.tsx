import {
  Button,
  makeStyles,
  Menu,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  Tooltip,
} from '@fluentui/react-components';
import { LocalLanguageRegular, WeatherMoonRegular, WeatherSunnyRegular } from '@fluentui/react-icons';
import { useTranslation } from 'react-i18next';
import { chooseLanguage, LANGUAGES } from '../text/i18n.ts';
import { useAppearance } from '../ui/appearance.tsx';

const useStyles = makeStyles({ row: { display: 'flex', alignItems: 'center' } });

const NAMES = { en: 'English', de: 'Deutsch' } as const;

/** Language and light or dark. */
export function AppearanceButtons() {
  const styles = useStyles();
  const { t } = useTranslation('frame');
  const { isDark, toggleDark } = useAppearance();
  const theme = isDark ? t('light') : t('dark');
  return (
    <div className={styles.row}>
      <Menu>
        <MenuTrigger disableButtonEnhancement>
          <Tooltip content={t('language')} relationship="label">
            <Button appearance="subtle" icon={<LocalLanguageRegular />} data-testid="language" />
          </Tooltip>
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            {LANGUAGES.map((language) => (
              <MenuItem key={language} lang={language} onClick={() => void chooseLanguage(language)}>
                {NAMES[language]}
              </MenuItem>
            ))}
          </MenuList>
        </MenuPopover>
      </Menu>
      <Tooltip content={theme} relationship="label">
        <Button
          appearance="subtle"
          icon={isDark ? <WeatherSunnyRegular /> : <WeatherMoonRegular />}
          onClick={toggleDark}
          data-testid="theme"
        />
      </Tooltip>
    </div>
  );
}
