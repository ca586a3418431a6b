# The newcomer's mistakes: what `nginx -t`, the log, the page and preflight say of each, and that one of them, or a row of
# "First-run mistakes" in docs/errors.md, names the cure.  All secrets are canaries, which no output holds.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;
use VcitaCases;

use File::Temp ();
use IO::Socket::INET ();
use MIME::Base64 ();
use VcitaCert ();
use VcitaMachine ();

repeat_each(1);

my $Dir = File::Temp->newdir;
my $Examples = $ENV{VCITA_EXAMPLES} // 'examples';

my %Canary = (
    'the client secret' => 's3cret-0123456789abcdef-0123456789',       # the stub's
    'the session key'   => 'c4nary-session-key-0123456789abcdef0123456789',
    'the access token'  => '5ca1ab1ec0ffee' . 'd00d' x 12 . 'f0',
    (map { ($_ => join '', map { sprintf '%04x', rand 65536 } 1 .. 16) } 'another secret', 'another key'),
    'the directory token' => 'c4nary-directory-token-0123456789abcdef',
);

sub slurp { local $/; open my $fh, '<:raw', $_[0] or die "$_[0]: $!\n"; return scalar <$fh> }

sub put {
    my ($name, $text, $mode) = @_;
    unlink "$Dir/$name";
    open my $fh, '>:raw', "$Dir/$name" or die "$Dir/$name: $!\n";
    print $fh $text;
    close $fh;
    chmod $mode // 0600, "$Dir/$name";
    return "$Dir/$name";
}

put('secret', "$Canary{'the client secret'}\n");
put('open', $Canary{'another secret'}, 0644);
put('empty', "\n");
put('key', $Canary{'the session key'});
put('short', substr $Canary{'the session key'}, 0, 20);
put('other', $Canary{'another secret'});
put('other_key', $Canary{'another key'});
put('token', "$Canary{'the directory token'}\n");

my $Secret = "file:$Dir/secret";

# the rows of the documents: what is seen => what to do
my ($Section) = slurp('docs/errors.md') =~ /^## First-run mistakes\n(.*?)^## /ms;
my %Row = map { my ($seen, $do) = /^\| (.*?) \| .*? \| (.*) \|$/; $seen ? ($seen => $do) : () } split /\n/, $Section // '';

# at https and at http, called portal.example.com and www.example.com, by the first name at vcita
my $Site = <<'END';
server {
    listen               127.0.0.1:$TEST_NGINX_RAND_PORT_3 ssl;
    listen               127.0.0.1:$TEST_NGINX_RAND_PORT_4;
    server_name          portal.example.com www.example.com;
    ssl_certificate      $VCITA_CERT;
    ssl_certificate_key  $VCITA_CERT_KEY;
    vcita_oauth_redirect_uri  https://portal.example.com/oauth/callback;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
END

my $Misspelt = 'vcita_oauth_require $vcita_oauth_claim_bussiness_uid ed469f8764326a66;';
my $Locations = VcitaCases::locations()
    . VcitaCases::app('nowhere', 'vcita_oauth_token_endpoint http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/;')
    . VcitaCases::app('distrusts', 'vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;', 'vcita_oauth_ssl_trusted_certificate $VCITA_CA_OTHER;')
    . VcitaCases::app('userinfo', 'vcita_oauth_userinfo on;', $Misspelt)
    . "location /spelt { vcita_oauth on; $Misspelt proxy_pass \$VCITA_APP; }\n"
    . "location /returned { vcita_oauth on; return 200 open; }\n"
    . "location /any { satisfy any; allow all; vcita_oauth on; proxy_pass \$VCITA_APP; }\n"
    . "location /gone { error_page 403 /other-people/denied; vcita_oauth on; vcita_oauth_require \$vcita_oauth_claim_role nobody; proxy_pass \$VCITA_APP; }\n";

add_block_preprocessor(sub {
    my ($block) = @_;
    if (defined $block->site) {
        $block->set_value(config => $Locations);
        $block->set_value(http_config => $Site);
        $block->set_value(error_log => 'vcita');
    }
    $block->set_value(log_level => 'error');
    $block->set_value(http_config => "add_header X-Error \$vcita_oauth_error always;\n" . ($block->http_config // ''));
    $block->set_value(gate => VcitaCases::GATE . "vcita_oauth_client_secret $Secret;\nvcita_oauth_session_key_file $Dir/key;\n");
});


# -- in a flow

# the canaries in a text, whole, in part, escaped or in base64
sub VcitaFlow::Code::leaks {
    my ($text) = @_;
    return grep {
        my $part = substr $Canary{$_}, 8, 16;
        my $base64 = substr MIME::Base64::encode_base64($Canary{$_}, ''), 0, 20;
        grep { index(lc $text, lc $_) >= 0 } $part, VcitaHttp::escape($part), $base64;
    } sort keys %Canary;
}

sub VcitaFlow::Code::silent {
    my ($name, $text) = @_;
    VcitaFlow::is(join(', ', VcitaFlow::Code::leaks($text)), '', "$name: no canary");
}

sub VcitaFlow::Code::canaries { return %Canary }

# A configuration: each directive of "gate" replaces the usual one; "load" is instead of the load_module line
sub VcitaFlow::Code::configured {
    my (%opt) = @_;
    my $port = VcitaFlow::port();
    my $gate = join "\n", @{ $opt{gate} // [] };
    my @usual = map { "vcita_oauth_$_;" } 'client_id app1', "client_secret file:$Dir/other", "session_key_file $Dir/other_key", 'userinfo on',
        "redirect_uri http://127.0.0.1:$port/oauth/callback", map { "${_}_endpoint " . VcitaFlow::stub()->url . ($_ eq 'authorize' ? '/app' : '') . "/oauth/$_" } qw( authorize token userinfo );

    $gate .= "\n" . join "\n", grep { my ($name) = /^(\S+)/; $gate !~ /^\s*(?:no\s+)?\Q$name\E[\s;]/m } @usual;
    $gate =~ s/^no .*$//mg;

    my $load = join '', map { "load_module $_;\n" } split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '';
    my $site = $opt{site} // 'location / { vcita_oauth on; }';
    my $name = $opt{name} // 'localhost 127.0.0.1';

    return put('nginx.conf', ($opt{load} // $load) . "pid $Dir/nginx.pid;\nerror_log /dev/null;\nevents {}\nhttp {\naccess_log off;\n"
        . join('', map { "${_}_temp_path $Dir/$_;\n" } qw( client_body proxy fastcgi uwsgi scgi ))
        . "$gate\nserver {\nlisten $port;\nserver_name $name;\n$site\n}\n}\n");
}

# what a command says, and its exit status
sub said {
    my @command = @_;
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }
    my $said = do { local $/; <$out> } // '';
    close $out;
    return ($said, $? >> 8);
}

sub nginx { return $ENV{TEST_NGINX_BINARY} || 'nginx' }

# nginx -t of a configuration: it fails, or warns, by a line that has the mistake and then the cure, or whose cure a row of
# the documents has
sub VcitaFlow::Code::tested {
    my ($name, $fails, $what, $cure, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($said, $status) = said(nginx(), '-t', '-p', "$Dir", '-c', VcitaFlow::Code::configured(%opt), '-e', '/dev/null');

    VcitaFlow::is($status, $fails, "$name: nginx -t") or VcitaFlow::diag($said);
    if (ref $cure) {
        VcitaFlow::like($said, qr/\[(?:emerg|warn)\] .*$what.*$cure/, "$name: the mistake and the cure");
    } else {
        VcitaFlow::like($said, qr/\[(?:emerg|warn)\] .*$what/, "$name: the mistake");
        my ($row) = grep { index($_, $cure) >= 0 } sort keys %Row;
        VcitaFlow::ok($row, "$name: a row of docs/errors.md");
    }
    VcitaFlow::Code::silent($name, $said);
    return if !$fails;

    # no page: nginx does not start, and says the same; nor has preflight more to say
    my $conf = "$Dir/nginx.conf";
    my ($start, $started) = said(nginx(), '-p', "$Dir", '-c', $conf, '-e', '/dev/null');
    my ($checked) = said('bash', "$Examples/preflight.sh", '-b', nginx(), '--not-running', $conf);

    VcitaFlow::is($started, 1, "$name: nginx does not start");
    VcitaFlow::like($start, qr/\[emerg\] .*$what/, "$name: the mistake in the log");
    VcitaFlow::like($checked, qr/^WRONG +nginx -t fails: .*$what/m, "$name: preflight");
    VcitaFlow::Code::silent("$name: log and preflight", $start . $checked);
}

# preflight of a configuration: each [ kind, what, fix ] is there
sub VcitaFlow::Code::preflight {
    my ($name, $found, $conf, @args) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($said, $status) = said('bash', "$Examples/preflight.sh", '-b', nginx(), '--not-running', '--timeout', 5, @args, $conf);

    VcitaFlow::is($status, (grep { $_->[0] eq 'WRONG' } @$found) ? 1 : 0, "$name: exit status");
    for (@$found) {
        my ($kind, $what, $fix) = @$_;
        VcitaFlow::like($said, qr/^$kind +[^\n]*$what[^\n]*\n +fix: [^\n]*$fix/m, "$name: $what") or VcitaFlow::diag($said);
    }
    VcitaFlow::Code::silent($name, $said);
}

# the lines of the error log since the last look
my $Looked = '';
sub new_lines {
    my $log = VcitaFlow::error_log();
    my $from = index($log, $Looked) == 0 ? length $Looked : 0;
    $Looked = $log;
    return substr $log, $from;
}

# what a person sees, and what the log says then
sub VcitaFlow::Code::seen {
    my ($name, $do, $status, $page, $log) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    new_lines();
    my $r = $do->();
    my $lines = new_lines();

    VcitaFlow::is($r->status, $status, "$name: status");
    VcitaFlow::like($r->body, $page, "$name: the page");
    $log eq '' ? VcitaFlow::is($lines, '', "$name: no line") : VcitaFlow::like($lines, qr/\[(?:error|crit)\].*$log/, "$name: the log names the cure");
    VcitaFlow::Code::silent("$name: page", $r->body);
    VcitaFlow::Code::silent("$name: log", $lines);
}

# a browser that begins at an address of the site until no login goes on
sub VcitaFlow::Code::rounds {
    my ($url) = @_;
    my ($https, $http) = map { '127.0.0.1:' . VcitaFlow::rand_port($_) } 3, 4;
    my $b = VcitaFlow::browser(resolve => { map { ("$_.example.com:443" => $https, "$_.example.com:80" => $http) } qw( portal www ) });
    for (0 .. 9) {
        $b->get($url);
        $b->follow;
        last if $b->res->status != 200;
    }
    return $b->res;
}

# A mistake at a site that runs: what each of the four says of it, '' is nothing, and one of them names the cure
sub VcitaFlow::Code::everywhere {
    my ($name, %is) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $gate = join "\n", @{ $is{gate} // [] };
    my @usual = grep { my ($of) = /^(\S+)/; $gate !~ /^$of\s/m } "vcita_oauth_client_secret file:$Dir/other;", "vcita_oauth_session_key_file $Dir/other_key;",
        'vcita_oauth_userinfo on;', 'vcita_oauth_rate off;';
    my $m = VcitaMachine->start('newcomer', gate => join("\n", @usual, $gate), server => $is{site} // 'location = /healthz { return 200; }'
        . ' location / { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_email alice@example.biz; proxy_pass $VCITA_APP; }');
    my $conf = $m->dir . '/nginx.conf';
    my $b = VcitaFlow::browser();
    my %said;

    my %vcita = (authorize => undef, userinfo => undef, %{ $is{vcita} // {} });
    VcitaFlow::stub()->always({ %vcita, token => { secret => $Canary{'another secret'}, %{ $vcita{token} // {} } } });
    ($said{'nginx -t'}) = said(nginx(), '-t', '-p', $m->dir, '-c', $conf, '-e', '/dev/null');
    $b->visit($m->url($is{at}));
    $said{page} = $b->res->status . ' ' . $b->res->body;
    $said{log} = join '', grep { /\[(?:error|crit|alert|emerg)\]/ } split /^/, $m->log;
    ($said{preflight}) = said('bash', "$Examples/preflight.sh", '-b', nginx(), '--timeout', 5, $conf);

    my %any = ('nginx -t' => qr/\[(?:warn|error|emerg)\]/, log => qr/./, preflight => qr/^(?:WRONG|warning) .*/m);
    for ('nginx -t', 'page', 'log', 'preflight') {
        $is{$_} eq '' ? VcitaFlow::unlike($said{$_}, $any{$_}, "$name: $_: nothing") : VcitaFlow::like($said{$_}, qr/$is{$_}/m, "$name: $_");
        VcitaFlow::Code::silent("$name: $_", $said{$_});
    }
    VcitaFlow::ok(scalar(grep { $_ =~ $is{cure} } values %said), "$name: the cure, '$is{cure}'");
}

sub VcitaFlow::Code::rows { return keys %Row }
sub VcitaFlow::Code::dir { return "$Dir" }
sub VcitaFlow::Code::canary { return $Canary{ $_[0] } }

# the module as built for an nginx with other options: a digit of its signature differs
sub VcitaFlow::Code::other_build {
    my ($module) = grep { /vcita_oauth_module/ } split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '';
    my $bytes = slurp($module);
    $bytes =~ s/(\d,\d,\d,[01]{20})([01])/$1 . (1 - $2)/e or die "no signature in $module\n";
    return put('other.so', $bytes);
}

sub VcitaFlow::Code::register_app {
    return said('bash', "$Examples/register-app.sh", '--token-file', "$Dir/token", '--secret-file', "$Dir/new", '--timeout', 5,
        '--api', VcitaFlow::stub()->url, 'Portal', 'http://127.0.0.1/oauth/callback');
}

run_tests();

__DATA__

=== TEST 1: what nginx -t says of a newcomer's mistakes names the cure, or docs/errors.md does; no output has a secret
--- flow
my $dir = dir();
my $on = 'vcita_oauth on;';
my $load = "load_module $ENV{TEST_NGINX_LOAD_MODULES};\n";

# the module itself
if (length($ENV{TEST_NGINX_LOAD_MODULES} // '')) {
    tested('no load_module', 1, 'unknown directive "vcita_oauth_', 'unknown directive', load => '');
    tested('load_module in http', 1, '"load_module" directive is not allowed here', '"load_module" directive is not allowed here',
        load => '', gate => [ $load ]);
    tested('the module of another build', 1, 'is not binary compatible', 'is not binary compatible', load => "load_module @{[ other_build() ]};\n");
}
tested('a misspelt directive', 1, 'unknown directive "vcita_oauth_required"', 'unknown directive', site => 'location / { vcita_oauth_required $vcita_oauth_claim_role staff; }');

# what is not there
tested("no $_", 1, "vcita_oauth_$_", qr/.*\bin \S+:\d+|set|add/, gate => [ "no vcita_oauth_$_;" ]) for qw( client_id client_secret redirect_uri );
tested('no secret file', 1, 'absent" failed', qr/No such file/, gate => [ "vcita_oauth_client_secret file:$dir/absent;" ]);
tested('no CA file', 1, 'absent"', qr/check the (?:CA )?file/, gate => [ "vcita_oauth_ssl_trusted_certificate $dir/absent;" ]);

# a secret, a key
tested('a path instead of a file', 1, 'client_secret', qr/did you mean "?file:/, gate => [ "vcita_oauth_client_secret $dir/secret;" ]);
tested('a variable of the environment', 1, 'client_secret', qr/did you mean "?file:/, gate => [ 'vcita_oauth_client_secret env:SECRET;' ]);
tested('an empty file', 1, '"vcita_oauth_client_secret" directive', qr/is empty/, gate => [ "vcita_oauth_client_secret file:$dir/empty;" ]);
tested('a file that all can read', 0, 'open', qr/is readable by all users.*(?:chmod|make)/, gate => [ "vcita_oauth_client_secret file:$dir/open;" ]);
tested('a short key', 1, 'short', qr/32 bytes/, gate => [ "vcita_oauth_session_key_file $dir/short;" ]);

# redirect_uri
tested('a path alone', 1, 'redirect_uri', qr/absolute/, gate => [ 'vcita_oauth_redirect_uri /oauth/callback;' ]);
tested('a fragment', 1, 'redirect_uri', qr/fragment/, gate => [ 'vcita_oauth_redirect_uri https://127.0.0.1/oauth/callback#x;' ]);
tested('a variable in the path', 1, 'redirect_uri', qr/plain path|write http/, gate => [ 'vcita_oauth_redirect_uri https://127.0.0.1$uri;' ]);
tested('plain http', 0, 'redirect_uri "http://portal.example.com/oauth/callback"', qr/use https/, gate => [ 'vcita_oauth_redirect_uri http://portal.example.com/oauth/callback;' ], name => 'portal.example.com');
tested('another name than server_name', 0, 'portal\.example\.com', qr/add it to server_name/, gate => [ 'vcita_oauth_redirect_uri https://portal.example.com/oauth/callback;' ], name => 'www.example.com');
tested('two clients on one callback path', 1, 'callback', qr/redirect_uri and .*cookie_name/, site => "location / { $on } location /b { $on vcita_oauth_client_id app2; }");

# rules and gates
tested('a rule where the gate is off', 1, 'vcita_oauth_require', qr/\bin \S+:\d+/, site => 'location / { vcita_oauth_require $vcita_oauth_claim_role staff; }');
tested('a gate that is off is inherited', 1, 'vcita_oauth_require', qr/\bin \S+:\d+/, site => "$on location /a { vcita_oauth off; location /a/b { vcita_oauth_require \$vcita_oauth_claim_role staff; } }");
tested('an unknown variable', 1, 'unknown "vcita_oauth_clam_role" variable', 'unknown "', site => "location / { $on vcita_oauth_require \$vcita_oauth_clam_role staff; }");
tested('a rule that all meet', 1, 'invalid value "\*"', qr/use a text/, site => "location / { $on vcita_oauth_require \$vcita_oauth_claim_role *; }");
tested('an unknown word', 1, 'yes', qr/on, off or optional/, site => 'location / { vcita_oauth yes; }');
tested('a variable where none is evaluated', 0, '"vcita_oauth_cookie_name" takes no variables', qr/stands for itself in "\$host"/, gate => [ 'vcita_oauth_cookie_name $host;' ]);
tested('no openid, no PKCE', 0, 'pkce', qr/openid/, gate => [ 'vcita_oauth_pkce off;', 'vcita_oauth_scope profile;', 'vcita_oauth_userinfo off;' ]);
tested('certificates that are not verified', 0, '"vcita_oauth_ssl_verify off"', qr/remove it/, gate => [ 'vcita_oauth_ssl_verify off;', 'vcita_oauth_token_endpoint https://api.example.com/oauth/token;' ]);
tested('a header that nginx needs', 1, 'cannot set "Authorization"', qr/use another name/, site => "location / { $on vcita_oauth_header Authorization \$vcita_oauth_claim_sub; }");

# a newline at the end of a secret is no mistake
my $conf = configured();
my $ok = `${\ ($ENV{TEST_NGINX_BINARY} || 'nginx')} -t -p $dir -c $conf -e /dev/null 2>&1`;
is $?, 0, 'a newline at the end of the secret' or diag $ok;
unlike $ok, qr/\[(?!notice)\w+\]/, 'a newline at the end of the secret: no warning';

# silent() can fail
my %canary = canaries();
is join(', ', leaks("a $canary{$_} b")), $_, "$_ would be found" for sort keys %canary;


=== TEST 2: what page and log say of a newcomer's mistakes names the cure; neither has a secret
--- site
--- flow
my $token = canary('the access token');
my $gives = sub { my (%do) = @_; $do{token} //= { set => { access_token => $token } }; return stub_code(\%do) };
my $login = sub { my ($at, %do) = @_; sub { begun($at)->come_back(code => $gives->(%do)) } };
my $visit = sub { my ($at, %do) = @_; sub { my $b = begun($at); $b->come_back(code => $gives->(%do)); $b->get($at) } };
my $errs = sub { my ($error) = @_; sub { begun('/deep')->come_back(error => $error, error_description => 's3cret-0123456789abcdef-0123456789') } };
my $code = sub { qr{<code>$_[0]</code>} };

# the app at vcita
seen('another client_id or secret', $login->('/deep', token => { status => 401, json => { error => 'invalid_client' } }), 502, $code->('invalid_client'),
    'check vcita_oauth_client_id and vcita_oauth_client_secret');
seen('an unregistered redirect_uri', $errs->('redirect_uri_mismatch'), 502, $code->('redirect_uri_mismatch'), 'register vcita_oauth_redirect_uri, letter by letter');
seen('a scope that the app has not', $errs->('invalid_scope'), 502, $code->('invalid_scope'), 'each scope of vcita_oauth_scope, including openid');
seen('no PKCE at the server', $errs->('invalid_request'), 502, $code->('invalid_request'), 'try "vcita_oauth_pkce off"');
seen('no openid', $login->('/deep', userinfo => { status => 401 }), 502, $code->('bad_userinfo'), 'check that vcita_oauth_scope has openid');

# endpoints
seen('another token endpoint', $login->('/deep', token => { status => 404, body => '<html>' }), 502, $code->('bad_token_response'), 'check vcita_oauth_token_endpoint');
seen('a page for a token', $login->('/deep', token => { body => '<html>' }), 502, $code->('bad_token_response'), 'check vcita_oauth_token_endpoint');
seen('another userinfo endpoint', $login->('/deep', userinfo => { status => 404, body => '<html>' }), 502, $code->('bad_userinfo'), 'check vcita_oauth_userinfo_endpoint');
seen('a port that nothing listens at', $login->('/nowhere'), 502, $code->('unreachable'), 'check DNS, the firewall, vcita_oauth_http_proxy');
seen('no CA', $login->('/distrusts'), 502, $code->('unreachable'), 'vcita_oauth_ssl_trusted_certificate: .*certificate');
seen('a firewall that drops', $login->('/deep', token => { hang => 1 }), 504, $code->('timeout'), 'check the network and vcita_oauth_timeout');
seen('Redis is down', sub { my $b = browser(); $b->set_cookie(store => 'A' x 43); $b->get('/store') }, 503, $code->('store_unavailable'), 'check that it is running, reachable');

# the clock
my $b = begun('/deep');
seen('a clock that is an hour ahead', sub { $b->come_back(code => $gives->(id_token => id_token($b, set => { exp => time - 3600, iat => time - 7200 }))) },
    502, $code->('bad_id_token'), 'it has expired or has no exp, check the clock');

# rules
seen('a claim that vcita did not send', sub { my $b = begun('/spelt'); $b->come_back(code => $gives->(id_token => id_token($b))); $b->get('/spelt') }, 403, $code->('not_allowed'), 'has no claim "bussiness_uid", set "vcita_oauth_userinfo on"');
seen('a misspelt claim', $visit->('/userinfo'), 403, $code->('not_allowed'), 'has no claim "bussiness_uid", check its name');
seen('another business', $visit->('/other-people'), 403, $code->('not_allowed'), 'is not met by "alice@example\.biz" of account "[^"]+", add this value');
seen('an error_page behind the gate', $visit->('/gone'), 403, $code->('not_allowed'), 'add this value|has no claim');

# the way back
$b = begun('/deep');
my $state = $b->res->param('state');
seen('a proxy that changes the path', sub { $b->get("/callback?code=x&state=$state") }, 400, $code->('callback_elsewhere'), 'check whether a proxy or a rewrite changes its path');
seen('http, and an https redirect_uri', sub { rounds('http://portal.example.com/deep') }, 400, $code->('session_lost'), 'came over http, but redirect_uri is https.*redirect http to https');
seen('another host name', sub { rounds('https://www.example.com/deep') }, 400, $code->('session_lost'), 'came to another host.*redirect to that host');
seen('a cookie that is lost', sub { my $b = browser(); for (1 .. 3) { $b->visit('/deep'); $b->delete_cookie('vcita_session') } $b->get('/deep') },
    400, $code->('session_lost'), 'does a proxy remove them');

# what no log can show, since the gate is not asked
ok grep({ /without a sign-in, and no line/ } rows()), 'the row of docs/errors.md';
seen('return beside the gate', sub { browser()->get('/returned') }, 200, qr/^open/, '');
seen('satisfy any', sub { browser()->get('/any') }, 200, qr/"uri"/, '');


=== TEST 3: what preflight says of a newcomer's mistakes names the cure, and it shows no secret
--- http_config
# $TEST_NGINX_RAND_PORT_1
--- flow
my $dir = dir();
my $on = 'vcita_oauth on;';

# one site with many of them
my $conf = configured(gate => [ "vcita_oauth_client_secret file:$dir/open;" ], site => join "\n", "$on error_page 403 /denied.html;",
    'location / { vcita_oauth_require $vcita_oauth_claim_bussiness_uid b1; }',
    'location /returned { return 200 open; }',
    'location /checked { auth_request /check; }',
    'location = /check { }');
stub->always({ authorize => { status => 400 }, token => { status => 401, json => { error => 'invalid_client' } } });
preflight('a site', [
    [ WRONG => 'client_id app1: vcita does not know it', 'correct vcita_oauth_client_id' ],
    [ WRONG => 'vcita has no claim "bussiness_uid"', 'claim_business_uid' ],
    [ WRONG => 'the client secret in \S+/open can be read', 'chmod' ],
    [ warning => '"return" answers before the gate', 'vcita_oauth off' ],
    [ warning => 'auth_request /check', '.' ],
    [ warning => 'error_page .*/denied\.html is behind the gate', 'vcita_oauth off' ],
    [ warning => 'a health check', 'vcita_oauth off' ],
    [ warning => 'without vcita_oauth_require', 'say whom you expect' ],
], $conf);

# a certificate that is renewed by HTTP, behind the gate
stub->always({ authorize => { status => 200 }, token => { status => 400, json => { error => 'invalid_grant' } } });
my $cert = VcitaCert->get;
$conf = configured(site => "listen @{[ rand_port(1) ]} ssl; ssl_certificate $cert->{site}; ssl_certificate_key $cert->{site_key};\n"
    . "$on vcita_oauth_require \$vcita_oauth_claim_role staff; location = /healthz { vcita_oauth off; } location ^~ /.well-known/acme-challenge/ { }");
preflight('a challenge behind the gate', [ [ warning => 'covers /\.well-known/acme-challenge/', 'vcita_oauth off' ] ], $conf);

# the values of the README
$conf = configured(name => 'portal.example.com', gate => [ 'vcita_oauth_client_id e0faca0a2bca52368adfd0ac6035c7a5;',
        'vcita_oauth_redirect_uri https://portal.example.com/oauth/callback;', 'vcita_oauth_authorize_endpoint http://192.0.2.1:9/;', 'vcita_oauth_userinfo auto;' ],
    site => "location / { $on vcita_oauth_require \$vcita_oauth_claim_business_uid ed469f8764326a66; }");
preflight('the README\'s values', [
    [ WRONG => 'vcita_oauth_client_id at \S+ is the example\'s', 'your own app' ],
    [ WRONG => 'redirect_uri \S+ is the example\'s', 'your own site' ],
    [ WRONG => 'the example\'s business', 'your own business_uid' ],
    [ WRONG => 'the claim "business_uid" is in userinfo alone', 'vcita_oauth_userinfo on' ],
], $conf, '--timeout', 1);

# the app at vcita
my $rule = "location / { $on vcita_oauth_require \$vcita_oauth_claim_role staff; } location = /healthz { return 200; }";
stub->always({ authorize => { status => 400 }, token => { status => 400, json => { error => 'invalid_grant' } } });
preflight('an unregistered redirect_uri', [ [ WRONG => 'redirect_uri \S+: vcita does not know it', 'letter for letter' ] ], configured(site => $rule));
stub->always({ authorize => { status => 200 }, token => { status => 401, json => { error => 'invalid_client' } } });
preflight('another secret', [ [ WRONG => 'refuses the client secret', 'put the secret there' ] ], configured(site => $rule));
stub->always({ authorize => { status => 200 }, token => { status => 400, json => { error => 'invalid_grant' } } });
preflight('no mistake', [], configured(site => $rule));

# what nginx -t refuses, preflight hands on
preflight('a rule where the gate is off', [ [ WRONG => 'nginx -t fails: .*vcita_oauth_require', 'fix the line' ] ],
    configured(site => 'location / { vcita_oauth_require $vcita_oauth_claim_role staff; }'));

# the directory token
stub->always({});
my ($app, $status) = register_app();
isnt $status, 0, 'a directory token that vcita refuses: it fails';
like $app, qr/fix: \S/, 'a directory token that vcita refuses: the cure';
silent('register-app', $app);


=== TEST 4: what nginx -t, the page, the log and preflight say of a mistake at a site that runs; no secret in any of them
--- http_config
# $TEST_NGINX_RAND_PORT_1
--- flow
my $on = 'vcita_oauth on; proxy_pass $VCITA_APP;';
my $me = 'vcita_oauth_require $vcita_oauth_claim_email alice@example.biz;';
my $up = 'location = /healthz { return 200; }';
my $code = sub { "^$_[0] .*(?s:.*)<code>$_[1]</code>" };
my $nowhere = 'http://127.0.0.1:' . rand_port(1) . '/';
my @quiet = ('nginx -t' => '', log => '');

everywhere('none', @quiet, page => '^200 ', preflight => '', cure => 'wrong: 0');

# the app at vcita
everywhere('another client_id', @quiet, vcita => { authorize => { status => 400 }, token => { status => 401, json => { error => 'invalid_client' } } },
    page => '^400 ', preflight => '^WRONG .*vcita does not know it', cure => 'fix: correct vcita_oauth_client_id');
everywhere('an unregistered redirect_uri', @quiet, vcita => { authorize => { status => 400 } }, page => '^400 ',
    preflight => '^WRONG .*redirect_uri \S+: vcita does not know it', cure => 'fix: .*letter for letter');
everywhere('another secret', 'nginx -t' => '', vcita => { token => { status => 401, json => { error => 'invalid_client' } } },
    page => $code->(502, 'invalid_client'), log => 'returned no token', preflight => '^WRONG .*refuses the client secret',
    cure => 'check vcita_oauth_client_id and vcita_oauth_client_secret');

# endpoints
everywhere('another token endpoint', 'nginx -t' => '', vcita => { token => { status => 404, body => '<html>' } },
    page => $code->(502, 'bad_token_response'), log => 'token', preflight => '^WRONG .*token endpoint .*404', cure => 'check vcita_oauth_token_endpoint');
everywhere('another userinfo endpoint', 'nginx -t' => '', vcita => { userinfo => { status => 404, body => '<html>' } },
    page => $code->(502, 'bad_userinfo'), log => 'userinfo', preflight => '^WRONG .*userinfo endpoint .*404', cure => 'check vcita_oauth_userinfo_endpoint');
everywhere('a port that nothing listens at', 'nginx -t' => '', gate => [ "vcita_oauth_token_endpoint $nowhere;" ],
    page => $code->(502, 'unreachable'), log => 'unreachable|connect', preflight => '^WRONG .*token endpoint', cure => 'check DNS, the firewall, vcita_oauth_http_proxy');
everywhere('no CA', 'nginx -t' => '', gate => [ 'vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;', 'vcita_oauth_ssl_trusted_certificate $VCITA_CA_OTHER;' ],
    page => $code->(502, 'unreachable'), log => 'certificate', preflight => '^WRONG .*TLS', cure => 'vcita_oauth_ssl_trusted_certificate');
my $silent = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1') or die "listen: $!";
everywhere('a firewall that drops', 'nginx -t' => '', gate => [ 'vcita_oauth_timeout 1s;', "vcita_oauth_token_endpoint http://127.0.0.1:@{[ $silent->sockport ]}/;" ],
    page => $code->(504, 'timeout'), log => 'token', preflight => '^WRONG .*token endpoint', cure => 'check the network and vcita_oauth_timeout');

# rules
everywhere('a misspelt claim', 'nginx -t' => '', site => "location / { $on vcita_oauth_require \$vcita_oauth_claim_bussiness_uid b1; } $up",
    page => $code->(403, 'not_allowed'), log => 'has no claim "bussiness_uid"', preflight => '^WRONG .*vcita has no claim "bussiness_uid"', cure => 'claim_business_uid');
everywhere('a claim that nobody asks for', 'nginx -t' => '', gate => [ 'vcita_oauth_userinfo off;' ],
    site => "location / { $on vcita_oauth_require \$vcita_oauth_claim_business_uid b1; } $up",
    page => $code->(403, 'not_allowed'), log => 'has no claim "business_uid"', preflight => '^WRONG .*is in userinfo alone', cure => 'set "?vcita_oauth_userinfo on');
everywhere('another person', 'nginx -t' => '', site => "location / { $on vcita_oauth_require \$vcita_oauth_claim_email bob\@example.biz; } $up",
    page => $code->(403, 'not_allowed'), log => 'is not met by "alice@example\.biz"', preflight => '', cure => 'add this value');
everywhere('no rule', @quiet, site => "location / { $on } $up", page => '^200 ', preflight => '^warning .*without vcita_oauth_require', cure => 'say whom you expect');

# files and locations
everywhere('a secret that all can read', 'nginx -t' => 'is readable by all users', log => '', gate => [ 'vcita_oauth_client_secret file:' . dir() . '/open;' ],
    page => '^200 ', preflight => '^WRONG .*can be read', cure => 'chmod');
everywhere('return beside the gate', @quiet, at => '/returned', site => "location / { $on $me } location /returned { vcita_oauth on; $me return 200 open; } $up",
    page => '^200 open', preflight => '^WRONG .*answers before the gate', cure => 'serve it by root, alias or proxy_pass');
everywhere('an error_page behind the gate', 'nginx -t' => '', site => "vcita_oauth on; error_page 403 /denied.html; $up"
    . ' location / { vcita_oauth_require $vcita_oauth_claim_email bob@example.biz; proxy_pass $VCITA_APP; }',
    page => '^403 ', log => 'add this value', preflight => '^warning .*denied\.html is behind the gate', cure => 'vcita_oauth off');
everywhere('auth_request to a gated location', @quiet, at => '/asked', site => "vcita_oauth on; $me location / { proxy_pass \$VCITA_APP; }"
    . ' location /asked { auth_request /check; proxy_pass $VCITA_APP; } location = /check { proxy_pass $VCITA_APP; } location = /healthz { vcita_oauth off; return 200; }',
    page => '^401 ', preflight => '^warning .*auth_request /check', cure => 'not signed in get 401(?s:.*)fix: .*vcita_oauth off');
everywhere('health checks behind the gate', @quiet, at => '/healthz', site => "vcita_oauth on; $me location / { proxy_pass \$VCITA_APP; }",
    page => '^200 ', preflight => '^warning .*health check', cure => 'vcita_oauth off');
