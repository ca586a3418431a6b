
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The texts of the pages in Portuguese of Brazil, with "você".
 */


text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED_TITLE, "O acesso não foi autorizado")

text(NGX_HTTP_VCITA_TEXT_ACCESS_DENIED,
     "Você não permitiu que este site fizesse seu login com o vcita. Nenhum "
     "dado foi compartilhado.")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH_TITLE,
     "O login não corresponde a este navegador")

text(NGX_HTTP_VCITA_TEXT_STATE_MISMATCH,
     "O login foi iniciado em outro navegador ou janela, ou os cookies deste "
     "site estão bloqueados. Permita os cookies deste site e tente novamente.")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED_TITLE, "O login demorou demais")

text(NGX_HTTP_VCITA_TEXT_STATE_EXPIRED,
     "Passou mais tempo do que este site permite para entrar.")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE_TITLE,
     "Este login não foi iniciado por este site")

text(NGX_HTTP_VCITA_TEXT_INVALID_STATE,
     "O endereço está incompleto, foi alterado no caminho ou pertence a um "
     "login anterior.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK_TITLE,
     "A resposta do vcita está incompleta")

text(NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK,
     "O vcita devolveu o navegador sem os dados necessários para entrar.")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE_TITLE,
     "A resposta do vcita chegou a um endereço errado")

text(NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE,
     "Você não entrou: a resposta do vcita chegou a um endereço que não a "
     "aceita. O administrador deste site precisa corrigir isso.")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST_TITLE,
     "Não é possível entrar neste endereço")

text(NGX_HTTP_VCITA_TEXT_INVALID_HOST,
     "O nome de host da solicitação não é válido. Verifique o endereço "
     "e tente novamente.")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT_TITLE, "O login não é mais válido")

text(NGX_HTTP_VCITA_TEXT_INVALID_GRANT,
     "O vcita não aceita mais este login: ele já foi usado ou demorou "
     "demais.")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT_TITLE,
     "Este site não está configurado corretamente")

text(NGX_HTTP_VCITA_TEXT_INVALID_CLIENT,
     "O vcita não reconhece este site. O administrador precisa verificar.")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED_TITLE,
     "Muitas pessoas estão entrando agora")

text(NGX_HTTP_VCITA_TEXT_RATE_LIMITED,
     "Há uma fila. Deixe esta página aberta. Ela tentará novamente de "
     "forma automática quando chegar a sua vez.")

text(NGX_HTTP_VCITA_TEXT_BAD_TOKEN_RESPONSE_TITLE,
     "O vcita deu uma resposta inesperada")

text(NGX_HTTP_VCITA_TEXT_UNFINISHED,
     "Não foi possível concluir o login. Tentar novamente costuma ajudar.")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN_TITLE,
     "A resposta do vcita não corresponde a este login")

text(NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN,
     "Não foi possível verificar os dados que o vcita enviou sobre você. "
     "Tentar novamente costuma ajudar.")

text(NGX_HTTP_VCITA_TEXT_BAD_USERINFO_TITLE,
     "O vcita não informou quem você é")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE_TITLE, "Não é possível acessar o vcita")

text(NGX_HTTP_VCITA_TEXT_UNREACHABLE,
     "Este site não conseguiu se conectar ao vcita. Tente novamente em "
     "alguns minutos.")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT_TITLE, "O vcita demorou demais para responder")

text(NGX_HTTP_VCITA_TEXT_TIMEOUT,
     "Não foi possível concluir o login. Tente novamente em alguns minutos.")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE_TITLE,
     "Os dados da conta são grandes demais")

text(NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE,
     "Há mais informações sobre a sua conta do que este site pode guardar. "
     "O administrador precisa verificar.")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE_TITLE,
     "No momento não podemos verificar o seu login")

text(NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE,
     "Este site não conseguiu saber se você já entrou. Nada foi perdido: "
     "tente novamente em instantes.")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED_TITLE,
     "Você não tem acesso com esta conta")

text(NGX_HTTP_VCITA_TEXT_NOT_ALLOWED,
     "Você entrou, mas este site não está aberto para a sua conta.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_IN_AS, "Você entrou como %s.")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN_TITLE,
     "O token de acesso não é válido")

text(NGX_HTTP_VCITA_TEXT_INVALID_TOKEN,
     "O token enviado com esta solicitação expirou ou não foi emitido pelo "
     "vcita para este aplicativo. Solicite um novo e tente novamente.")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE_TITLE,
     "No momento não é possível verificar tokens")

text(NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE,
     "Este site não conseguiu obter as chaves do vcita. Tente novamente em "
     "um minuto.")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED_TITLE, "Entre novamente")

text(NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED,
     "Esta página exige um login recente, mas o último é antigo demais.")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST_TITLE,
     "O seu login se perde repetidamente")

text(NGX_HTTP_VCITA_TEXT_SESSION_LOST,
     "Você entrou várias vezes, mas o navegador não devolveu o cookie de "
     "sessão. Permita os cookies deste site, abra-o pelo endereço que os "
     "links dele usam e tente novamente em um minuto.")

text(NGX_HTTP_VCITA_TEXT_COOKIE_NAME, "O cookie se chama %s.")

text(NGX_HTTP_VCITA_TEXT_LOST_FRAMED,
     "Este site é exibido dentro de outra página, onde o navegador retém "
     "os cookies dele. Abra este site em uma aba própria.")

text(NGX_HTTP_VCITA_TEXT_LOST_HTTP,
     "Este site foi aberto por http, mas o login só funciona por https. "
     "Coloque https:// antes do endereço.")

text(NGX_HTTP_VCITA_TEXT_LOST_ELSEWHERE,
     "Este site foi aberto com um nome diferente daquele usado para o login. "
     "Abra-o pelo endereço que o administrador lhe deu.")

text(NGX_HTTP_VCITA_TEXT_LOST_CLASH,
     "Você entrou várias vezes, mas o navegador devolveu outro cookie com o "
     "nome do cookie de sessão deste site. Apague os cookies deste site e "
     "tente novamente em um minuto.")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD_TITLE,
     "Este endereço serve apenas para o login")

text(NGX_HTTP_VCITA_TEXT_NO_METHOD,
     "Ele responde apenas a um navegador que volta do vcita.")

text(NGX_HTTP_VCITA_TEXT_REFUSED_TITLE, "O vcita recusou o login")

text(NGX_HTTP_VCITA_TEXT_REFUSED,
     "Não foi possível concluir o login. Se tentar novamente não ajudar, o "
     "administrador deste site precisa verificar.")

text(NGX_HTTP_VCITA_TEXT_FAILED_TITLE,
     "Não foi possível responder à solicitação")

text(NGX_HTTP_VCITA_TEXT_FAILED,
     "Algo deu errado. Tente novamente em instantes.")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED_TITLE, "Entre na sua conta")

text(NGX_HTTP_VCITA_TEXT_UNAUTHORIZED,
     "Você não entrou ou a sua sessão terminou. O que você enviou não "
     "foi processado. Entre em uma nova aba e envie novamente.")

text(NGX_HTTP_VCITA_TEXT_TOO_OLD,
     "Seu login é antigo demais para esta operação. O que você enviou "
     "não foi processado. Entre em uma nova aba e envie novamente.")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN_TITLE, "Sua sessão continua aberta")

text(NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN,
     "Não foi possível encerrar a sua sessão agora. Tente novamente em "
     "instantes.")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT_TITLE, "Você saiu da sua conta")

text(NGX_HTTP_VCITA_TEXT_SIGNED_OUT,
     "Este site não se lembra mais de você. Sua sessão no vcita pode "
     "continuar aberta.")

text(NGX_HTTP_VCITA_TEXT_ASK_SIGN_OUT_TITLE, "Deseja sair?")

text(NGX_HTTP_VCITA_TEXT_ASK_FOREIGN, "Outro site enviou você para cá.")

text(NGX_HTTP_VCITA_TEXT_ASK_CLICK, "Para sair é preciso um clique.")

text(NGX_HTTP_VCITA_TEXT_WAIT, "Espera estimada: %s min")

text(NGX_HTTP_VCITA_TEXT_TRY_AGAIN, "Tentar novamente")

text(NGX_HTTP_VCITA_TEXT_TRY_NOW, "Tentar agora")

text(NGX_HTTP_VCITA_TEXT_START_PAGE, "Ir para a página inicial")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN, "Entrar")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_AGAIN, "Entrar novamente")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_OTHER, "Entrar com outra conta")

text(NGX_HTTP_VCITA_TEXT_SIGN_IN_TAB, "Entrar em uma nova aba")

text(NGX_HTTP_VCITA_TEXT_SIGN_OUT, "Sair")

text(NGX_HTTP_VCITA_TEXT_CODE, "Código:")

text(NGX_HTTP_VCITA_TEXT_TIME, "Data e hora:")

text(NGX_HTTP_VCITA_TEXT_REFERENCE, "Referência:")

text(NGX_HTTP_VCITA_TEXT_REQUEST, "Solicitação:")
