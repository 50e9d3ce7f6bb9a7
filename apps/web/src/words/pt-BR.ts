import type { Words } from './en'
import { formats } from './formats'

const { ago, number, plural } = formats('pt-BR')

const items = (n: number) => plural(n, { one: '# item', other: '# itens' })
const changes = (n: number) => plural(n, { one: '# alteração', other: '# alterações' })
/** A participle that agrees with a number of items. */
const agree = (n: number, word: string) => plural(n, { one: word, other: `${word}s` })

/** The page's initial words in Brazilian Portuguese. */
export const ptBR: Words = {
  app: 'tarefas',
  failed: 'Esta página falhou. As alterações guardadas neste aparelho não se perderam; recarregue a página para continuar.',
  partMissing: 'Esta parte da página não pôde ser carregada. Conecte este aparelho e tente outra vez, ou recarregue a página. As alterações guardadas neste aparelho não se perdem.',
  reload: 'Recarregar',
  undo: 'Desfazer',
  dismiss: 'Dispensar',
  close: 'Fechar',
  cancel: 'Cancelar',
  newVersion: 'Há uma nova versão desta página.',
  language: 'Idioma',

  list: {
    label: 'Lista:',
    copyLink: 'Copiar link',
    copied: 'Copiado',
    linkCopied: 'Link copiado.',
    link: 'Link desta lista',
    share: 'Compartilhar',
    moved: 'A lista está agora em um novo endereço, e a antiga foi apagada. Envie o novo link a quem a compartilha.',
    saveCopy: 'Salvar uma cópia',
    keys: 'Teclas',
    removed: 'Removidos há pouco',
    private: 'Lista particular',
    here: (n) => `${number(n)} aqui`,
    hereAbout: (n) => `Pelo menos ${number(n)} navegadores mostram esta lista agora, contando este.`,
    title: 'Título desta lista',
    rename: 'Dar um título a esta lista',
    none: 'Esta lista não existe.',
    noneHint: (problem) => `${problem} Escolha outra abaixo; nada foi gravado.`,
    loading: 'Carregando…',
    notLoaded: 'Ainda não foi possível carregar esta lista.',
    keepsTrying: 'A página continua tentando. O que você adicionar enquanto isso fica guardado neste aparelho e entra na lista depois.',
    tryNow: 'Tentar agora',
    signIn: 'Entrar',
    erased: 'Esta lista foi apagada, ou o servidor voltou a um estado mais antigo dela. Uma lista apagada costuma ter um novo link: peça-o a quem a compartilha. O que esta página mostrou por último pode ser salvo como arquivo.',
    wentBack: (n) => `O servidor voltou a um estado anterior desta lista. ${plural(n, { one: 'Um item não está mais nela.', other: '# itens não estão mais nela.' })}`,
  },

  person: {
    signedIn: (name: string) => `Você entrou como ${name}.`,
    signOut: 'Sair',
  },

  name: {
    empty: 'O nome de uma lista não pode ficar vazio.',
    tooLong: (most, length) => `O nome de uma lista pode ter no máximo ${number(most)} caracteres; este tem ${number(length)}.`,
    control: 'O nome de uma lista não pode conter quebras de linha nem outros caracteres de controle.',
    slash: 'O nome de uma lista não pode conter / nem \\.',
    dots: 'O nome de uma lista não pode ser . nem ..',
    surrogate: 'O nome de uma lista contém metade de um caractere.',
  },

  key: {
    cannotOpen: 'Não é possível abrir esta lista.',
    askAgain: (problem) => `${problem} Peça o link de novo e abra-o inteiro: a chave é o que vem depois do sinal #.`,
    incomplete: 'A chave neste endereço está incompleta.',
    ofAnother: 'A chave neste endereço é de outra lista.',
    missing: 'Esta lista é particular, e este endereço não tem chave.',
  },

  chooser: {
    welcome: 'Boas-vindas',
    open: ['Esta é a lista', '. Quem abre esta página pode vê-la e alterá-la.'],
    private: 'Uma lista particular tem um endereço que ninguém adivinha. Quem o receber de você compartilha a lista, ao vivo.',
    newPrivate: 'Nova lista particular',
    byName: 'Abrir uma lista pelo nome',
    openIt: 'Abrir',
    others: 'Outras listas',
    waiting: (n) => `${number(n)} pendentes`,
    refused: (n) => plural(n, { one: '# recusada', other: '# recusadas' }),
    forgotten: (name) => `${name} não está mais entre as listas deste aparelho. O conteúdo dela continua.`,
    forget: (name) => `Esquecer a lista ${name} neste aparelho`,
    hintTouch: 'Toque em ✎ para editar uma tarefa e em × para excluí-la; arraste ⠿ para movê-la.',
    hintMouse: 'Clique duas vezes para editar uma tarefa. Pelo teclado: Tab até um item, setas até os botões dele; ? mostra todas as teclas.',
  },

  entry: {
    what: 'O que precisa ser feito?',
    full: (most) => `Esta lista está cheia: ela tem ${items(most)}. Exclua ou limpe alguns antes; nada do que você digitou se perdeu.`,
    tooLong: (most, length) => `Um título pode ter no máximo ${number(most)} caracteres; este tem ${number(length)}. Nada se perdeu: encurte-o e tecle Enter.`,
  },

  items: {
    label: 'Itens',
    toggleAll: 'Marcar todos como concluídos',
    left: (n) => plural(n, { one: 'item restante', other: 'itens restantes' }),
    all: 'Todos',
    active: 'Ativos',
    completed: 'Concluídos',
    clearCompleted: 'Limpar concluídos',
    unseen: 'Está fora da parte visível.',
    show: 'Mostrar',
  },

  item: {
    toggle: (title) => `Marcar ou desmarcar: ${title}`,
    edit: 'Editar',
    editIt: (title) => `Editar ${title}`,
    move: 'Arraste, pressione ou use as setas do teclado',
    moveIt: (title) => `Mover ${title}: pressione para subir, ou use as setas do teclado`,
    delete: 'Excluir',
    deleteIt: (title) => `Excluir ${title}`,
    position: (title, place, of) => `${title}: ${number(place)} de ${number(of)}.`,
    deletedMeanwhile: 'Alguém excluiu este item enquanto isso. Enter o adiciona de novo com o seu texto; Esc desiste dele.',
    changedMeanwhile: ['Alguém alterou este item enquanto isso para “', '”. Enter salva o seu no lugar; Esc mantém o da outra pessoa.'],
    addAgain: 'Adicionar de novo',
    saveMine: 'Salvar o meu',
    letGo: 'Desistir dele',
    keepTheirs: 'Manter o outro',
  },

  status: {
    connecting: { text: 'conectando…', detail: 'Pedindo a lista ao servidor.' },
    waiting: (n) => ({
      text: plural(n, { one: '# alteração pendente', other: '# alterações pendentes' }),
      detail: plural(n, {
        one: '# alteração ainda não está no servidor: será enviada assim que ele responder, e fica guardada até lá.',
        other: '# alterações ainda não estão no servidor: serão enviadas assim que ele responder, e ficam guardadas até lá.',
      }),
    }),
    saving: (n) => ({ text: 'salvando…', detail: `${changes(n)} a caminho do servidor.` }),
    fromMemory: { text: 'salvo, talvez desatualizado', detail: 'O servidor não alcança o seu armazenamento.' },
    elsewhere: (n) => ({
      text: plural(n, { one: 'salvo aqui, # pendente em outra lista', other: 'salvo aqui, # pendentes em outras listas' }),
      detail: `Esta lista está no servidor. ${plural(n, { one: '# alteração de outra lista ainda não: será enviada', other: '# alterações de outras listas ainda não: serão enviadas' })} assim que o servidor aceitar.`,
    }),
    saved: { text: 'salvo', detail: 'Tudo está no servidor.' },
    offline: { text: 'sem conexão', detail: 'Sem contato com o servidor. O que você alterar fica guardado aqui até haver.' },
    offlineWaiting: (n) => plural(n, { one: 'sem conexão, # alteração pendente', other: 'sem conexão, # alterações pendentes' }),
    trouble: { text: 'problema no servidor', detail: 'O servidor responde, mas não consegue trabalhar. O que você alterar fica guardado aqui até que consiga.' },
    reader: {
      saved: { text: 'em dia', detail: 'O que se vê é a lista como está no servidor.' },
      fromMemory: { text: 'talvez desatualizado', detail: 'O servidor não alcança o seu armazenamento.' },
      offline: { text: 'sem conexão', detail: 'Sem contato com o servidor.' },
      trouble: { text: 'problema no servidor', detail: 'O servidor responde, mas não consegue trabalhar.' },
    },
    asOf: (text, seconds) => `${text}, lista de ${ago(seconds)}`,
    shownAsOf: (detail, seconds) => `${detail} O que se vê é a lista de ${ago(seconds)}.`,
    connected: 'Conectado.',
  },

  trouble: {
    unreachable: 'O servidor não responde; talvez este aparelho esteja sem rede.',
    busy: (why) => (why ? `O servidor não pode responder agora. Ele diz: ${why}` : 'O servidor não pode responder agora.'),
    refused: (why) => `O servidor recusa o que esta página pede. Ele diz: ${why} Ele pode ser de outra versão; recarregar a página pode ajudar.`,
    keyedOnly: 'Este servidor só tem listas particulares. Crie uma nova abaixo.',
    readingKey: 'Você pode ver esta lista, mas não alterá-la.',
    wrongKey: 'A chave neste endereço não abre esta lista. Peça o link de novo.',
    ownSignIn: 'Entre para ver esta lista e salvar o que você mudou. Até lá, suas mudanças ficam guardadas neste aparelho.',
    noStorage: 'Para entrar, permita que esta página guarde dados neste aparelho (cookies e dados de sites) e carregue-a de novo.',
    signIn: 'Talvez você precise entrar de novo: uma página de login respondeu no lugar da lista.',
    unreadable: (place) => `Esta página não entende a resposta${place ? ` (${place})` : ''}. O servidor pode ser de uma versão mais nova que a desta página, ou há no caminho a página de login de uma rede. Recarregar a página pode ajudar.`,
    nothingLost: (n) => `Nada se perdeu: ${plural(n, { one: '# alteração está guardada', other: '# alterações estão guardadas' })} neste aparelho.`,
  },

  done: {
    added: (title) => `${title} adicionado.`,
    addedMany: (n) => `${items(n)} ${agree(n, 'adicionado')}.`,
    deleted: (title) => `${title} excluído.`,
    cleared: (n) => plural(n, { one: '# item concluído foi limpo.', other: '# itens concluídos foram limpos.' }),
    canBeUndone: (what) => `${what} Isso pode ser desfeito.`,
    broughtBack: (n) => plural(n, { one: '# item voltou.', other: '# itens voltaram.' }),
    alreadyBack: 'Eles já estão na lista.',
    undoneTitle: 'Desfeito: a lista tem o título de antes.',
    undoneAdd: 'Desfeito: o que foi adicionado está excluído.',
    undoneChange: (title) => `Desfeito: a alteração de ${title}.`,
    undoneComplete: 'Desfeito: os itens estão ativos de novo.',
    undoneReopen: 'Desfeito: os itens estão concluídos de novo.',
    undoneMove: (title) => `Desfeito: a mudança de lugar de ${title}.`,
    nothingToUndo: 'Não há nada para desfazer.',
    undoUnknown: 'Não foi possível saber o que desfazer: o servidor não informou o histórico.',
  },

  news: {
    elsewhere: (parts) => `Em outro lugar: ${parts}.`,
    items,
    deletedItems: (n) => plural(n, { one: '# item excluído em outro lugar.', other: '# itens excluídos em outro lugar.' }),
    added: (what, n) => `${what} ${agree(n, 'adicionado')}`,
    deleted: (what, n) => `${what} ${agree(n, 'excluído')}`,
    changed: (what, n) => `${what} ${agree(n, 'alterado')}`,
    completed: (what, n) => `${what} ${agree(n, 'concluído')}`,
    reopened: (what, n) => `${what} ${agree(n, 'reaberto')}`,
    order: 'a ordem mudou',
  },
}
