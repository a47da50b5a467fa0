import { QuestionCircleRegular } from '@fluentui/react-icons';
import { useTranslation } from 'react-i18next';
import { EmptyState } from './empty-state.tsx';

/** The address names an object that is not there. */
export function NotFound({ name }: { readonly name: string }) {
  const { t } = useTranslation('ui');
  return <EmptyState icon={<QuestionCircleRegular />} title={t('notFoundTitle', { name })} text={t('notFoundText')} />;
}
