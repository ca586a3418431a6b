# Configuration: what nginx -t refuses, warns of and accepts, and that each message names the line of
# the directive that it is about.  That line ends with #! in the configurations below.

use lib 't/lib';
use VcitaTest;
use VcitaAssertion;

use File::Temp ();

repeat_each(1);

my $Dir = File::Temp->newdir;


# what is in http {} of a configuration that only the tested line can break
my $APP = "vcita_oauth_client_id app1; vcita_oauth_client_secret s3cret;\n";
my $URI = "vcita_oauth_redirect_uri https://portal.example.com/oauth/callback;\n";
my $SERVER = "listen 127.0.0.1:\$PORT; server_name portal.example.com;\n";


# A file for the configuration, by its absolute name; mode 0600 unless given.
sub VcitaFlow::Code::conf_file {
    my ($name, $text, $mode) = @_;
    my $path = "$Dir/$name";
    open my $fh, '>', $path or die "$path: $!\n";
    print $fh $text;
    close $fh;
    chmod $mode // 0600, $path or die "$path: $!\n";
    return $path;
}


# nginx -t: whether it passed, its messages [level, text], and "file:line" of each marked line.
sub nginx_t {
    my ($http) = @_;

    my $text = join('', map { "load_module $_;\n" } split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '')
        . "error_log /dev/null;\npid nginx.pid;\nevents {}\nhttp { access_log off;\n$http\n}\n";
    $text =~ s/\$PORT\b/VcitaFlow::port()/ge;
    my $file = VcitaFlow::Code::conf_file('nginx.conf', $text);

    my @lines = split /\n/, $text;
    my @marked = map { "$file:" . ($_ + 1) } grep { $lines[$_] =~ /#!/ } 0 .. $#lines;

    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
    my $out = `$nginx -t -p $Dir -c $file -e /dev/null 2>&1`;
    my $passed = $? == 0;
    return ($passed, [ map { /^nginx: \[(\w+)\] (.*)/ ? [ $1, $2 ] : () } split /\n/, $out ], \@marked, $out);
}


# One message that names a line: it has the level, matches, and the line is the marked one.  What OpenSSL
# adds names none.
sub says {
    my ($level, $passes, $http, $like, $name) = @_;
    my ($passed, $messages, $marked, $out) = nginx_t($http);
    my @said = grep { $_->[1] =~ /:\d+$/ } @$messages;

    my $at = shift @$marked // die "no line is marked with #!\n";
    my $ok = !$passed == !$passes && @said == 1 && $said[0][0] eq $level && $said[0][1] =~ $like
        && $said[0][1] =~ / in \Q$at\E$/;
    VcitaFlow::Code::ok($ok, $name);
    VcitaFlow::Code::diag("wanted one [$level] like $like at $at; nginx -t said:\n$out")
        if !$ok;
}


sub VcitaFlow::Code::refuses { says('emerg', 0, @_) }
sub VcitaFlow::Code::warns   { says('warn', 1, @_) }

sub VcitaFlow::Code::accepts {
    my ($http, $name) = @_;
    my ($passed, $messages, undef, $out) = nginx_t($http);
    my $ok = $passed && !grep { $_->[0] ne 'notice' } @$messages;
    VcitaFlow::Code::ok($ok, $name);
    VcitaFlow::Code::diag("nginx -t said:\n$out") if !$ok;
}


# the same with the usual application, and one directive to look at, in http {}
sub with { "$APP$URI$_[0]\nserver { $SERVER vcita_oauth on; }\n" }

sub VcitaFlow::Code::refuses_line { my ($line, @rest) = @_; VcitaFlow::Code::refuses(with("$line #!"), @rest) }
sub VcitaFlow::Code::warns_line   { my ($line, @rest) = @_; VcitaFlow::Code::warns(with("$line #!"), @rest) }
sub VcitaFlow::Code::accepts_line { my ($line, @rest) = @_; VcitaFlow::Code::accepts(with($line), @rest) }

{
    no strict 'refs';
    *{"VcitaFlow::Code::$_->[0]"} = $_->[1] for [ APP => \$APP ], [ URI => \$URI ], [ SERVER => \$SERVER ];
}

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(config => '') unless defined $block->config;
    $block->set_value(flow => "our (\$APP, \$URI, \$SERVER);\n" . $block->flow);
});

run_tests();

__DATA__

=== TEST 1: a gate without id, secret or redirect_uri names the line of the gate
--- flow
refuses "${APP}server { $SERVER\nvcita_oauth on; #!\n}", qr/"vcita_oauth" requires "vcita_oauth_redirect_uri"/,
    'no redirect_uri';
refuses "${URI}vcita_oauth_client_secret s;\nserver { $SERVER\nlocation / {\nvcita_oauth on; #!\n} }",
    qr/requires "vcita_oauth_client_id"/, 'no id';
refuses "${URI}vcita_oauth_client_id a;\nserver { $SERVER\nlocation / {\nvcita_oauth optional; #!\n} }",
    qr/requires "vcita_oauth_client_secret" or "vcita_oauth_client_assertion_key"/, 'no secret, optional';
refuses "vcita_oauth on; #!\nserver { $SERVER }", qr/requires "vcita_oauth_client_id"/, 'inherited from http';
refuses "${APP}server { $SERVER\nlocation /a { $URI vcita_oauth on; }\nlocation /b {\nvcita_oauth on; #!\n} }",
    qr/requires "vcita_oauth_redirect_uri"/, "a neighbour's redirect_uri is none";
refuses "${APP}server { $SERVER\nlocation = /logout {\nvcita_oauth_logout; #!\n} }",
    qr/"vcita_oauth_logout" requires "vcita_oauth_redirect_uri"/, 'a logout has to know its cookies, too';
accepts "vcita_oauth off;\nserver { $SERVER }", 'where it is off, nothing is needed';
accepts "server { $SERVER }", 'no gate at all';

conf_file('part.conf', "\n\nvcita_oauth on;\n");
my ($passed, $messages) = main::nginx_t("server { $SERVER include part.conf; }");
ok !$passed, 'in an included file: refused';
like $messages->[0][1], qr{requires "vcita_oauth_client_id" in \S+/part\.conf:3$}, 'that file and its line are named';


=== TEST 2: unknown values, duplicates, and directives out of place
--- flow
refuses_line 'vcita_oauth maybe;', qr/invalid value "maybe"/, 'vcita_oauth';
refuses_line 'vcita_oauth on on;', qr/invalid number of arguments/, 'vcita_oauth, two values';
refuses_line 'vcita_oauth_token_format xml;', qr/invalid value "xml"/, 'token_format';
refuses_line 'vcita_oauth_pkce plain;', qr/invalid value "plain"/, 'pkce';
refuses_line 'vcita_oauth_cookie_samesite strict;', qr/invalid value "strict"/, 'samesite: there is no strict';
refuses_line 'vcita_oauth_ssl_verify maybe;', qr/invalid value "maybe"/, 'ssl_verify';
for my $name (qw( session_timeout session_idle_timeout login_timeout connect_timeout timeout )) {
    refuses_line "vcita_oauth_$name soon;", qr/invalid value/, "$name, no time";
    refuses_line "vcita_oauth_$name 0;", qr/must be more than 0/, "$name 0";
    refuses_line "vcita_oauth_$name -1s;", qr/invalid value/, "$name, negative";
    refuses "${APP}${URI}vcita_oauth_$name 5s;\nvcita_oauth_$name 6s; #!\n", qr/is duplicate/, "$name twice";
    accepts_line "vcita_oauth_$name 90s;", "$name 90s";
}
accepts_line 'vcita_oauth_session_timeout 1d;', 'session_timeout 1d';
accepts_line 'vcita_oauth_session_idle_timeout off;', 'session_idle_timeout off';
refuses "${APP}${URI}vcita_oauth_session_idle_timeout $_->[0];\nvcita_oauth_session_idle_timeout $_->[1]; #!\n",
    qr/is duplicate/, "session_idle_timeout @$_" for [ 'off', 'off' ], [ 'off', '5m' ], [ '5m', 'off' ];
accepts_line 'vcita_oauth_session_idle_timeout 5m all;', 'session_idle_timeout 5m all';
refuses_line "vcita_oauth_session_idle_timeout $_;", qr/invalid/, "session_idle_timeout $_" for 'off all', '5m any', 'all 5m', '5m all all';
accepts_line "vcita_oauth_$_;", $_
    for 'token_format form', 'token_format json', 'pkce off', 'cookie_samesite lax', 'cookie_samesite none',
        'ssl_verify on', 'scope openid', 'scope openid email profile';
refuses_line 'vcita_oauth_scope openid "";', qr/empty scope/, 'an empty scope';
refuses_line 'vcita_oauth_client_id "";', qr/is duplicate|is empty/, 'a second id';
refuses "vcita_oauth_client_id \"\"; #!\n", qr/is empty/, 'an empty id';
refuses "vcita_oauth_client_secret \"\"; #!\n", qr/is empty/, 'an empty secret';

for my $line ('client_id a', 'client_secret s', 'redirect_uri http://127.0.0.1/cb', 'scope openid',
              'authorize_endpoint https://a.example/a', 'authorize_args a=1', 'token_endpoint https://a.example/t',
              'token_format form', 'userinfo_endpoint https://a.example/u', 'revoke_endpoint off', 'pkce on', 'cookie_name a',
              'cookie_domain example.com', 'cookie_samesite lax', 'ssl_trusted_certificate ca.pem', 'ssl_verify on',
              'http_proxy http://127.0.0.1:1', 'rate off')
{
    refuses "vcita_oauth_$line;\nvcita_oauth_$line; #!\n", qr/is duplicate/, "twice: $line";
}
refuses "vcita_oauth on;\nvcita_oauth off; #!\n", qr/is duplicate/, 'twice: vcita_oauth';
refuses "server { $SERVER\nlocation / {\nvcita_oauth_logout;\nvcita_oauth_logout; #!\n} }", qr/is duplicate/,
    'twice: logout';
refuses "${APP}${URI}server { $SERVER\nvcita_oauth_rate off; #!\n}", qr/not allowed here/, 'rate is for http';
refuses "${APP}${URI}server { $SERVER\nvcita_oauth_logout; #!\n}", qr/not allowed here/, 'logout is for locations';
refuses "server { $SERVER\nlocation / { if (\$arg_a) {\nvcita_oauth on; #!\n} } }", qr/not allowed here/,
    'no gate in an if';


=== TEST 3: secrets: a value or a file, "its trailing newline dropped; world-readable: a warning"
--- flow
my $secret = sub { "${URI}vcita_oauth_client_id app1;\nvcita_oauth_client_secret $_[0]; #!\n"
    . "server { $SERVER vcita_oauth on; }" };

accepts $secret->('file:' . conf_file('s1', "s3cret\n")), 'a file';
accepts $secret->('file:s1'), 'relative to the configuration';
accepts $secret->('file:' . conf_file('s2', 's3cret')), 'without a newline';
accepts $secret->('"file:' . conf_file('s 3', "s3cret\r\n") . '"'), 'of another system, with a blank in its name';
accepts $secret->('file:' . conf_file('s4', "s3cret\n", 0640)), 'readable by a group';
warns   $secret->('file:' . conf_file('s5', "s3cret\n", 0644)), qr{"\S+/s5" is readable by all users},
    'world-readable: a warning';

refuses $secret->("file:none"), qr/open\(\) "\S+none" failed \(2: /, 'no such file';
refuses $secret->("file:."), qr/is not a regular file/, 'a directory';
refuses $secret->('file:'), qr/is not a regular file/, 'no name at all';
refuses $secret->('file:' . conf_file('s6', '')), qr/"\S+s6" is not a regular file/, 'an empty file';
refuses $secret->('file:' . conf_file('s7', "\n")), qr/is empty/, 'nothing but a newline';
refuses $secret->('file:' . conf_file('s8', "a\nb\n")), qr/control character/, 'two lines';
refuses $secret->('file:' . conf_file('s9', "a\0b")), qr/control character/, 'a zero byte';
refuses $secret->('file:' . conf_file('s10', 'x' x 65537)), qr/of 1 to 65536 bytes/, 'far too long';
refuses $secret->('"a' . "\t" . 'b"'), qr/control character/, 'a tab in a value';
my (undef, undef, undef, $out) = main::nginx_t($secret->('file:' . conf_file('s11', "t0p-s3cret\n\n")));
unlike $out, qr/t0p-s3cret/, 'a message never shows the secret';

if ($> != 0) {
    refuses $secret->('file:' . conf_file('s12', 's3cret', 0)), qr/open\(\) "\S+" failed \(13: /, 'not ours to read';
}


=== TEST 4: the newline of a secret file does not reach vcita
--- gate eval
'vcita_oauth_client_secret file:'
    . VcitaFlow::Code::conf_file('secret', "s3cret-0123456789abcdef-0123456789\n") . ";\n"
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $r = browser()->visit('/');
is $r->status, 200, 'in';
my ($t) = stub->requests('/oauth/token');
is $t->fields->{client_secret}, 's3cret-0123456789abcdef-0123456789', 'the secret as vcita gave it out';


=== TEST 5: client_assertion_key: private_key_jwt: PEM, RS256 or ES256, of an RSA key or one of P-256
--- flow
my $key = sub { "${URI}vcita_oauth_client_id app1;\nvcita_oauth_client_assertion_key $_[0]; #!\n"
    . "server { $SERVER vcita_oauth on; }" };
my $text = sub { open my $fh, '<', client_key($_[0]) or die $!; local $/; <$fh> };

accepts $key->(client_key($_)), "no secret is needed beside a key: $_" for qw( rsa rsa1 ec ec1 );
accepts $key->(client_key('rsa') . ' kid=one'), 'with a kid';
accepts $key->(client_key('ec') . ' "kid=a \\"b\\" ~"'), 'of any printable characters';
conf_file('a1', $text->('ec'));
accepts $key->('a1'), 'relative to the configuration';
accepts $key->(conf_file('a2', "a comment\n" . $text->('rsa') =~ s/\n/\r\n/gr)), 'of another system, with a comment';
accepts_line 'vcita_oauth_client_assertion_key ' . client_key('ec') . ';', 'beside a secret';
warns $key->(conf_file('a3', $text->('ec'), 0644)), qr{"\S+/a3" is readable by all users},
    'world-readable: a warning';

my $other = qr/is neither an RSA nor an EC key/;
refuses $key->(client_key('rsa1024')), qr/key "\S+rsa1024\.pem" is an RSA key of less than 2048 bits, use 2048 or more/, 'a short RSA key';
refuses $key->(client_key($_)), qr/key "\S+\.pem" is not on the curve P-256, which ES256 requires/, "another curve: $_" for qw( p384 k256 );
refuses $key->(client_key($_)), $other, "another kind of key: $_" for qw( ed25519 pss );
refuses $key->(client_key($_)), qr/is encrypted, nginx needs a key without a passphrase/, "an encrypted key: $_"
    for qw( encrypted encrypted1 );
my $none = qr/holds no private key in PEM/;
refuses $key->(client_key('public')), $none, 'a public key';
refuses $key->(conf_file('a10', do { open my $fh, '<', VcitaCert->get->{site}; local $/; <$fh> })), $none, 'a certificate';
refuses $key->(conf_file('a4', 'x' x 100)), $none, 'no PEM';
refuses $key->(conf_file('a5', substr $text->('rsa'), 0, 900)), $none, 'a key that was cut short';
refuses $key->(conf_file('a6', '')), qr/"\S+a6" is not a regular file/, 'an empty file';
refuses $key->('none.pem'), qr/open\(\) "\S+none\.pem" failed \(2: /, 'no such file';
refuses $key->('.'), qr/is not a regular file/, 'a directory';
refuses $key->(conf_file('a7', 'x' x 65537)), qr/of 1 to 65536 bytes/, 'far too long';
refuses $key->(client_key('ec') . " $_"), qr/invalid parameter "\S+"/, "no such parameter: $_" for qw( one KID=one alg=ES256 );
refuses $key->(client_key('ec') . " $_"), qr/requires a kid of printable ASCII characters/, 'no kid'
    for 'kid=', '"kid="', "\"kid=a\tb\"", 'kid=é', "kid=a\x7f";
refuses $key->(client_key('ec') . ' kid=a kid=b'), qr/invalid number of arguments/, 'two';
refuses 'vcita_oauth_client_assertion_key ' . client_key('ec') . ";\nvcita_oauth_client_assertion_key "
    . client_key('ec') . "; #!\n", qr/is duplicate/, 'twice';

if ($> != 0) {
    refuses $key->(conf_file('a8', $text->('ec'), 0)), qr/open\(\) "\S+" failed \(13: /, 'not ours to read';
}

my $pem = $text->('ec');
my (undef, undef, undef, $out) = main::nginx_t($key->(conf_file('a9', $pem =~ s/-----END.*//sr)));
unlike $out, qr/\Q$_\E/, 'a message never shows the key' for grep { length > 40 && !/--/ } split /\n/, $pem;


=== TEST 6: session_key_file: "may repeat; at least 32 bytes; two alike: a warning"
--- flow
my $k1 = conf_file('k1', 'a' x 32);
my $k2 = conf_file('k2', 'b' x 48);
accepts_line "vcita_oauth_session_key_file $k1;", 'of 32 bytes';
accepts_line 'vcita_oauth_session_key_file k1;', 'relative to the configuration';
accepts_line "vcita_oauth_session_key_file $k1;\nvcita_oauth_session_key_file $k2;", 'two for rotation';
accepts_line 'vcita_oauth_session_key_file ' . conf_file('k3', "\0\n\r" x 16) . ';', 'of any bytes';

refuses_line 'vcita_oauth_session_key_file ' . conf_file('k4', 'a' x 31) . ';', qr/k4" is shorter than 32 bytes/,
    'of 31 bytes';
refuses_line 'vcita_oauth_session_key_file none;', qr/open\(\) "\S+none" failed \(2: /, 'missing';
refuses_line 'vcita_oauth_session_key_file ' . conf_file('k5', '') . ';', qr/k5" is not a regular file of 1 to/, 'empty';
refuses_line "vcita_oauth_session_key_file $k1;\nvcita_oauth_session_key_file k4;", qr/k4" is shorter than 32 bytes/,
    'the second one is too short';
refuses_line "vcita_oauth_session_key_file $k1;\nvcita_oauth_session_key_file none;", qr/none/,
    'the second one is missing';
warns_line "vcita_oauth_session_key_file $k1;\nvcita_oauth_session_key_file " . conf_file('k6', 'a' x 32) . ';',
    qr/k1" and "\S+k6" have the same content/, 'two alike';
warns_line "vcita_oauth_session_key_file $k1;\nvcita_oauth_session_key_file $k1;",
    qr/have the same content/, 'one twice';
warns_line 'vcita_oauth_session_key_file ' . conf_file('k7', 'c' x 32, 0644) . ';', qr/is readable by all users/,
    'world-readable';


=== TEST 7: a redirect_uri that is not absolute http(s), has a fragment, or variables in its path
--- flow
my $uri = sub { "${APP}vcita_oauth_redirect_uri $_[0]; #!\nserver { $SERVER vcita_oauth on; }" };
for my $bad ('/oauth/callback', 'portal.example.com/oauth/callback', '//portal.example.com/oauth/callback',
             'ftp://portal.example.com/oauth/callback', 'https:/portal.example.com/cb', 'https://portal.example.com',
             '$scheme://portal.example.com/cb', '""')
{
    refuses $uri->($bad), qr/is not absolute/, $bad;
}
for my $bad ('https:///cb', 'https://user@portal.example.com/cb', 'https://portal.example.com:/cb',
             'https://portal.example.com:0/cb', 'https://portal.example.com:65536/cb', 'https://portal.example.com:x/cb',
             'https://por%74al.example.com/cb', 'https://[::1/cb', 'https://a b/cb', 'https://portal.example.com?/cb')
{
    refuses $uri->("\"$bad\""), qr/has an invalid host/, $bad;
}
for my $bad ('https://portal.example.com/cb#f', 'https://portal.example.com/$arg_a/cb', 'https://$host/cb/$arg_a',
             'https://portal.example.com/cb?a=$arg_a', 'https://portal.example.com/c b')
{
    refuses $uri->("\"$bad\""), qr/must not have a fragment or a variable/, $bad;
}
for my $bad ('https://portal.example.com/', 'https://portal.example.com/?a=1', 'https://portal.example.com/a//b',
             'https://portal.example.com/a/../b', 'https://portal.example.com/./b')
{
    refuses $uri->("\"$bad\""), qr/requires a plain path of its own/, $bad;
}
for my $good ('https://portal.example.com/oauth/callback', 'https://portal.example.com:8443/cb', 'https://PORTAL.example.com/cb',
              'https://portal.example.com/cb?a=1', 'https://portal.example.com/oauth%20x/cb', 'https://$host/oauth/callback',
              'https://$http_host/cb', 'https://a.$host/cb', 'https://$host:8443/cb', 'http://localhost:8080/cb',
              'http://127.0.0.1/cb', 'http://127.1.2.3:81/cb', 'http://[::1]:8080/cb')
{
    accepts $uri->("\"$good\""), $good;
}


=== TEST 8: "plain-http endpoints and redirect_uri are for loopback and tests: a warning for any other host"
--- flow
my $uri = sub { "${APP}vcita_oauth_redirect_uri $_[0]; #!\nserver { $SERVER vcita_oauth on; }" };
warns $uri->('http://portal.example.com/cb'), qr/is not protected by TLS/, 'redirect_uri';
warns $uri->('http://$host/cb'), qr/is not protected by TLS/, 'redirect_uri of a host that may be any';

for my $which (qw( authorize token userinfo revoke )) {
    my $name = "vcita_oauth_${which}_endpoint";
    for my $bad ('ftp://api.example.com/x', 'api.example.com/x', '/x', '""', 'https://', 'https:///x',
                 '"https://api.example.com/x y"', 'https://api.example.com/x#f', 'https://user:pw@api.example.com/x',
                 'https://api.example.com:99999/x', '"https://api.example.com/' . "\x01" . '"')
    {
        refuses_line "$name $bad;", qr/is not an http or https URL|has an invalid host|is empty|takes printable ASCII/, "$which: $bad";
    }
    warns_line "$name http://api.example.com/x;", qr/is not protected by TLS/, "$which: plain http";
    warns_line "$name http://localhost.example.com/x;", qr/is not protected by TLS/, "$which: not loopback";
    warns_line "$name http://127.0.0.1.example.com/x;", qr/is not protected by TLS/, "$which: not loopback either";
    accepts_line "$name $_;", "$which: $_"
        for 'http://localhost/x', 'http://127.0.0.1:8080/x', 'http://[::1]:8080/x', 'https://api.example.com/x',
            'https://api.example.com:8443/x?y=1', 'HTTPS://api.example.com/x';
}


=== TEST 9: authorize_args may not repeat a parameter that the module sends
--- flow
for my $name (qw( response_type client_id redirect_uri scope state nonce code_challenge code_challenge_method )) {
    refuses_line "vcita_oauth_authorize_args $name=1;", qr/"$name" in "$name=1"/, $name;
}
refuses_line 'vcita_oauth_authorize_args prompt=login&scope;', qr/"scope"/, 'behind another one, without a value';
refuses_line 'vcita_oauth_authorize_args ?state=1;', qr/"state"/, 'behind a question mark';
refuses_line 'vcita_oauth_authorize_args %73tate=1;', qr/"state"/, 'in another spelling';
refuses_line 'vcita_oauth_authorize_args state=1&state=2;', qr/"state"/, 'twice';
refuses "${APP}${URI}vcita_oauth_authorize_args a=1;\nserver { $SERVER vcita_oauth on;\nlocation / {\n"
    . "vcita_oauth_authorize_args nonce=1; #!\n} }", qr/"nonce"/, 'in a location';
refuses_line 'vcita_oauth_authorize_endpoint https://app.example.com/a?client_id=1;', qr/"client_id"/,
    'in the query of the endpoint';
refuses_line "vcita_oauth_authorize_args prompt=login;\nvcita_oauth_authorize_endpoint https://app.example.com/a?scope=1;",
    qr/"scope"/, 'in the query of the endpoint, beside innocent arguments';
refuses_line "vcita_oauth_authorize_args $_;", qr/takes a query/, $_ for '"a b"', 'a#b', "'a\"b'", '"a' . "\x{c3}\x{a4}" . '"';
accepts_line "vcita_oauth_authorize_args $_;", $_
    for 'prompt=login', '"prompt=login&ui_locales=de"', 'States=1', 'xstate=1', 'a=state', 'a%20b=1', '?a=1';


=== TEST 10: cookies: name, domain, samesite
--- flow
refuses_line "vcita_oauth_cookie_name $_->[0];", $_->[1], "cookie_name $_->[0]"
    for [ '""', qr/is empty/ ], [ 'x' x 65, qr/1 to 64 characters/ ], [ '"a b"', qr/takes printable ASCII/ ],
        [ '"a;b"', qr/takes printable ASCII/ ], [ 'a=b', qr/no cookie name can have/ ], [ 'a,b', qr/takes printable ASCII/ ],
        [ 'a(b', qr/no cookie name can have/ ], [ "\x{c3}\x{a4}", qr/takes printable ASCII/ ], [ '__Host-a', qr/automatically/ ], [ '__secure-a', qr/automatically/ ];
accepts_line "vcita_oauth_cookie_name $_;", "cookie_name $_" for 'a', 'x' x 64, 'a.b-c_d!';

refuses_line "vcita_oauth_cookie_domain $_;", qr/is not in cookie_domain/, "the host is outside of $_"
    for 'example.org', 'a.portal.example.com', 'ortal.example.com', 'xportal.example.com', 'xample.com';
refuses_line "vcita_oauth_cookie_domain $_;", qr/is not a domain name/, "cookie_domain $_"
    for '.', 'a/b', 'example.com:80', 'https://example.com';
refuses_line 'vcita_oauth_cookie_domain "a b";', qr/takes printable ASCII/, 'cookie_domain "a b"';
refuses_line 'vcita_oauth_cookie_domain "";', qr/is empty/, 'cookie_domain ""';
accepts_line "vcita_oauth_cookie_domain $_;", "cookie_domain $_"
    for 'example.com', '.example.com', 'portal.example.com', 'EXAMPLE.com';
accepts "${APP}vcita_oauth_redirect_uri https://\$host/cb; vcita_oauth_cookie_domain example.com;\n"
    . "server { $SERVER vcita_oauth on; }", 'a host that holds variables cannot be checked';
accepts "${APP}vcita_oauth_redirect_uri https://portal.example.com:8443/cb; vcita_oauth_cookie_domain example.com;\n"
    . "server { $SERVER vcita_oauth on; }", 'a port does not matter';

refuses "${APP}vcita_oauth_redirect_uri http://localhost/cb;\nvcita_oauth_cookie_samesite none; #!\n"
    . "server { $SERVER vcita_oauth on; }", qr/"vcita_oauth_cookie_samesite none" requires an https redirect_uri/,
    'samesite none without https';
refuses "${APP}vcita_oauth_cookie_samesite none; #!\nserver { $SERVER vcita_oauth on;\n"
    . "vcita_oauth_redirect_uri http://localhost/cb;\n}", qr/requires an https redirect_uri/,
    'samesite none without https, of another level';


=== TEST 11: "a literal redirect_uri host other than loopback that is not among server_name: a warning"
--- flow
my $server = sub { "${APP}vcita_oauth_redirect_uri $_[0]; #!\nserver { listen 127.0.0.1:\$PORT; $_[1] vcita_oauth on; }" };
my $says = qr/is not among the names of its server, add it to server_name/;
warns $server->('https://portal.example.com/cb', ''), $says, 'a server without a name';
warns $server->('https://portal.example.com/cb', 'server_name __;'), $says, 'another name';
warns $server->('https://portal.example.com/cb', 'server_name a.example.com example.com;'), $says, 'two others';
warns $server->('https://portal.example.com:8443/cb', 'server_name a.example.com;'), $says, 'with a port';
accepts $server->(@$_), join ' beside ', @$_
    for [ 'https://portal.example.com/cb', 'server_name a.example.com portal.example.com;' ],
        [ 'https://portal.example.com:8443/cb', 'server_name portal.example.com;' ],
        [ 'https://Portal.Example.com/cb', 'server_name portal.example.com;' ],
        [ 'https://portal.example.com/cb', 'server_name *.example.com;' ],
        [ 'https://portal.example.com/cb', 'server_name .example.com;' ],
        [ 'https://portal.example.com/cb', 'server_name ~^portal;' ],
        [ 'https://portal.example.com/cb', 'server_name _;' ], [ 'https://portal.example.com/cb', 'server_name a.example.com _;' ],
        [ 'https://localhost/cb', 'server_name a.example.com;' ],
        [ 'https://127.0.0.1:8443/cb', '' ], [ 'https://[::1]/cb', '' ], [ 'https://$host/cb', '' ];

my $domain = 'vcita_oauth_cookie_domain example.com;';
accepts $server->('https://login.example.com/cb', "$domain server_name $_;"), "a domain that has $_"
    for 'a.example.com', 'example.com', 'A.Example.com', 'a.example.org b.example.com';
warns $server->('https://login.example.com/cb', "$domain server_name $_;"), $says, "a domain that has not $_"
    for 'a.example.org', 'aexample.com', 'example.com.example.org', 'com';
warns $server->('https://login.example.com/cb', $domain), $says, 'a domain, and a server without a name';

warns "${APP}server { $SERVER vcita_oauth on;\nvcita_oauth_redirect_uri https://other.example.com/cb; #!\n"
    . "location /a { vcita_oauth optional; }\nlocation /b { vcita_oauth_scope email; }\n}", $says,
    'once, however many locations there are';


=== TEST 12: ssl_verify "off for other than loopback: a warning"; certificates; the proxy
--- flow
warns_line 'vcita_oauth_ssl_verify off;', qr/"vcita_oauth_ssl_verify off"/, 'towards vcita';
accepts_line 'vcita_oauth_ssl_verify off; vcita_oauth_token_endpoint https://localhost/t; '
    . 'vcita_oauth_userinfo_endpoint https://127.0.0.1:8443/u;', 'towards loopback';
warns_line 'vcita_oauth_ssl_verify off; vcita_oauth_token_endpoint https://localhost/t;', qr/ssl_verify off/,
    'towards loopback and vcita';
warns_line 'vcita_oauth_ssl_verify off; vcita_oauth_token_endpoint https://localhost/t; '
    . 'vcita_oauth_userinfo_endpoint https://localhost/u; vcita_oauth_revoke_endpoint https://a.example/r;', qr/ssl_verify off/,
    'towards an endpoint that gets tokens';
accepts_line 'vcita_oauth_ssl_trusted_certificate ' . ca() . ';', 'a CA';
refuses_line "vcita_oauth_ssl_trusted_certificate $_;", qr/vcita_oauth_ssl_trusted_certificate/, "CA file: $_"
    for 'none.pem', conf_file('ca1', ''), conf_file('ca2', "no certificate\n");

accepts_line "vcita_oauth_http_proxy $_;", "proxy $_"
    for 'http://127.0.0.1:3128', 'http://proxy.example.com:3128', 'https://proxy.example.com',
        'http://user:pass@proxy.example.com:3128', 'file:' . conf_file('p1', "http://user:t0p\@proxy.example.com:3128\n");
for my $bad ('proxy.example.com:3128', 'ftp://proxy.example.com', 'socks5://127.0.0.1:1', 'http://', 'http://u:t0p@') {
    refuses_line "vcita_oauth_http_proxy $bad;", qr/http or https URL|an invalid host/, "proxy $bad";
}
for my $bad ('t0p@x', 't0p/x', 't0p#x', 't0p?x', 't0p x', 'x/@t0p') {
    refuses_line qq{vcita_oauth_http_proxy "http://u:$bad\@127.0.0.1:1";}, qr/requires percent-encoding of/, "a proxy's password, $bad";
}
accepts_line 'vcita_oauth_http_proxy "http://u:t%40%2F%23%3Fp:[\\\\@127.0.0.1:1/";', 'a password, percent-encoded';
my (undef, undef, undef, $out) =
    main::nginx_t(main::with('vcita_oauth_http_proxy file:' . conf_file('p2', "ftp://user:t0p\@h\n") . ';'));
unlike $out, qr/t0p/, 'no message shows the password of the proxy';


=== TEST 13: rate
--- flow
accepts_line "vcita_oauth_rate $_;", "rate $_" for '8r/s', '1r/s', '30r/m', '1r/m', '1000r/m', '1000r/s',
    '0.8r/s', '0.017r/s', '2.667r/s', '8.0r/s', 'off';
refuses_line "vcita_oauth_rate $_;",
    qr{invalid rate "\Q$_\E": it is 1r/s to 1000r/s, a fraction from 0\.017r/s with at most three decimals, 1r/m to 1000r/m, or off}, "rate $_"
    for '0r/s', '-1r/s', '8', '8r/h', 'r/s', '8r/sx', 'on', '99999999999999999999r/s', '0.016r/s', '0.0r/s', '0.8005r/s', '8.r/s', '.r/s',
        '0.8.1r/s', '0,8r/s', '1000.001r/s', '0r/m', '0.8r/m', '1001r/m', '8e0r/s';
refuses_line 'vcita_oauth_rate "";', qr/invalid rate/, 'no rate';

my $redis = 'vcita_oauth_session_store redis://127.0.0.1:1;';
accepts_line "vcita_oauth_rate $_ fleet; $redis", "rate $_ fleet" for '8r/s', '48r/m', '0.8r/s';
refuses_line "vcita_oauth_rate $_; $redis", qr/invalid parameter "\w*": a rate may have "fleet" behind it/, "rate $_"
    for '8r/s fleets', '8r/s ""', '8r/s FLEET', 'off fleet';
refuses_line "vcita_oauth_rate fleet; $redis", qr/invalid rate "fleet"/, 'fleet without a rate';
refuses_line "vcita_oauth_rate 8r/s fleet fleet; $redis", qr/invalid number of arguments/, 'fleet twice';
my $alone = qr/"vcita_oauth_rate \.\.\. fleet" needs sessions in Redis, the calls of client "app1" are limited for this machine alone, set vcita_oauth_session_store/;
warns_line "vcita_oauth_rate 8r/s fleet; vcita_oauth_session_store $_;", $alone, "fleet with $_" for 'zone=rate:1m', 'cookie';
my @lines = ("vcita_oauth_client_id app2; #!\nvcita_oauth_client_secret s3cret;\n", 'vcita_oauth_cookie_name b;', $URI =~ s{/oauth}{/b}r);
my $servers = sub { "vcita_oauth_rate 8r/s fleet;\n$redis\n$APP$URI" . join '', map { "server { listen 127.0.0.1:\$PORT; server_name portal.example.com $_.example.com;\n"
    . "location / { vcita_oauth on; }\nlocation /b {\n" . join("\n", @lines, $_[0]) . "vcita_oauth on; }\n}\n" } 'a' .. $_[1] };
warns $servers->("vcita_oauth_session_store cookie; #!\n", 'a') =~ s/ #!//r, qr/the calls of client "app2" are limited for this machine alone/,
    'of two clients, the one without Redis';
accepts $servers->('', 'a') =~ s/ #!//gr, 'both have Redis';
my (undef, $said) = main::nginx_t($servers->("vcita_oauth_session_store cookie;\n", 'c'));
is scalar(grep { $_->[1] =~ /this machine alone/ } @$said), 1, 'one warning for all servers';


=== TEST 14: two different applications of one server: "both lines are named, and the first directive that differs"
--- flow
my $two = sub { "server { $SERVER\nlocation /a { $APP$URI vcita_oauth on;\n$_[0] }\n"
    . "location /b { $APP$URI vcita_oauth on;\n$_[1] }\n}" };

accepts $two->('', ''), 'the same settings repeated are the same application';
accepts $two->('vcita_oauth_pkce on;', ''), 'so they are where one spells out a default';
accepts $two->('vcita_oauth_session_timeout 480m;', 'vcita_oauth_session_timeout 8h;'), 'or says it in another way';
accepts $two->('vcita_oauth_session_idle_timeout off;', ''), 'off is the default';
accepts $two->('vcita_oauth_scope openid;', 'vcita_oauth_scope openid email;'), 'another scope is the same application';
accepts $two->('', 'vcita_oauth_authorize_args prompt=login; vcita_oauth_authorize_endpoint https://a.example/a;'),
    'so are other arguments and another authorize endpoint';

# the second line first: it ends the message
sub refuses_two {
    my ($http, $like, $name) = @_;
    my ($passed, $messages, $marked, $out) = main::nginx_t($http);
    my @said = grep { $_->[0] eq 'emerg' } @$messages;
    my $ok = !$passed && @said == 1 && $said[0][1] =~ $like && @$marked == 2
        && $said[0][1] =~ /, move it to the level of the server or give the other client a redirect_uri and a cookie_name of its own: see \Q$marked->[0]\E, and in \Q$marked->[1]\E$/;
    ok $ok, $name;
    diag "wanted $like, see $marked->[0], and in $marked->[1]:\n$out" if !$ok;
}

for (['client_id', 'app1', 'app2'], ['client_secret', 's', 't'],
     ['client_assertion_key', client_key('ec'), client_key('rsa')],
     ['client_assertion_key', client_key('ec'), client_key('ec') . ' kid=one'],
     ['client_assertion_key', client_key('ec') . ' kid=two', client_key('ec') . ' kid=one'],
     ['token_endpoint', 'https://a.example/t', 'https://b.example/t'], ['launch', '/a', '/b'], ['token_format', 'form', 'json'],
     ['userinfo_endpoint', 'https://a.example/u', 'https://b.example/u'], ['revoke_endpoint', 'off', 'https://a.example/r'], ['pkce', 'on', 'off'],
     ['session_key_file', conf_file('k1', 'a' x 32), conf_file('k2', 'b' x 32)],
     ['session_timeout', '1h', '2h'], ['session_idle_timeout', 'off', '30m'],
     ['session_idle_timeout', '30m', '30m all'], ['login_timeout', '5m', '6m'], ['cookie_name', 'a', 'b'],
     ['cookie_domain', 'portal.example.com', 'example.com'], ['cookie_samesite', 'lax', 'none'],
     ['connect_timeout', '1s', '2s'], ['timeout', '1s', '2s'], ['ssl_verify', 'on', 'off'],
     ['http_proxy', 'http://127.0.0.1:1', 'http://127.0.0.1:2'])
{
    my ($name, $one, $other) = @$_;
    my $app = "$APP$URI" =~ s/vcita_oauth_$name [^;]*;//r;
    refuses_two("server { $SERVER\nlocation /a { $app vcita_oauth on;\nvcita_oauth_$name $one; #!\n}\n"
        . "location /b { $app vcita_oauth on;\nvcita_oauth_$name $other; #!\n} }",
        qr{share the callback path "/oauth/callback", but differ in "vcita_oauth_$name"}, "other $name");
}

refuses_two("${APP}server { $SERVER\nlocation /a { vcita_oauth on;\n"
    . "vcita_oauth_redirect_uri https://portal.example.com/a/cb; #!\n}\nlocation /b { vcita_oauth on;\n"
    . "vcita_oauth_redirect_uri https://portal.example.com/b/cb; #!\n} }",
    qr/share the cookie "__Host-vcita_session", but differ in "vcita_oauth_redirect_uri"/, 'one cookie name');
refuses_two("${APP}server { $SERVER\nlocation /a { vcita_oauth on; vcita_oauth_cookie_name a;\n"
    . "vcita_oauth_redirect_uri https://portal.example.com/a/cb; #!\n}\n"
    . "location /b { vcita_oauth on; vcita_oauth_cookie_name a_login;\n"
    . "vcita_oauth_redirect_uri https://portal.example.com/b/cb; #!\n} }",
    qr/share the cookie "__Host-a_login", but differ in "vcita_oauth_redirect_uri"/,
    "one's session cookie is the other's login cookie");
refuses_two("$APP\nvcita_oauth_redirect_uri https://portal.example.com/cb; #!\nserver { $SERVER\nvcita_oauth on;\n"
    . "location /b {\nvcita_oauth_redirect_uri https://\$host/cb; #!\n} }",
    qr/differ in "vcita_oauth_redirect_uri"/, 'inherited from http, and own');


=== TEST 15: inheritance, and applications that do not meet
--- flow
accepts "${APP}${URI}vcita_oauth on;\nserver { $SERVER location / { } location /b { vcita_oauth off; } }", 'all in http';
accepts "${APP}server { $SERVER $URI vcita_oauth on; location / { vcita_oauth_pkce on; location /a/ { vcita_oauth optional; } } }",
    'in three levels';
accepts "${APP}vcita_oauth on;\nserver { $SERVER $URI }\n"
    . "server { listen 127.0.0.1:\$PORT; server_name b.example.com; vcita_oauth_redirect_uri https://b.example.com/oauth/callback; }",
    'a redirect_uri in each server';
accepts "server { $SERVER location /a { ${APP}vcita_oauth_redirect_uri https://portal.example.com/a/cb; vcita_oauth on;\n"
    . "vcita_oauth_cookie_name a; }\nlocation /b { vcita_oauth_client_id app2; vcita_oauth_client_secret t; vcita_oauth on;\n"
    . "vcita_oauth_redirect_uri https://portal.example.com/b/cb; vcita_oauth_cookie_name b; } }",
    'two applications of one server, with paths and cookies of their own';
accepts "server { $SERVER $APP$URI vcita_oauth on; }\nserver { listen 127.0.0.1:\$PORT; server_name b.example.com; vcita_oauth on;\n"
    . "vcita_oauth_client_id app2; vcita_oauth_client_secret t; vcita_oauth_redirect_uri https://b.example.com/oauth/callback; }",
    'in two servers they may share both';
accepts "${APP}${URI}server { $SERVER location / { vcita_oauth on; } location = /logout { vcita_oauth_logout; }\n"
    . "location = /bye { vcita_oauth_logout https://www.example.com/?h=\$host; } }", 'logout';
accepts "${APP}${URI}vcita_oauth on;\nserver { $SERVER location / { if (\$arg_a) { set \$b 1; } limit_except GET { deny all; } } }",
    'inherited into if and limit_except';


=== TEST 16: vcita_oauth_pkce off with a scope without openid: a warning, since nothing binds a code to its browser
--- flow
my $says = qr/"vcita_oauth_pkce off" .*vcita_oauth_scope/;
warns_line 'vcita_oauth_scope profile; vcita_oauth_pkce off;', $says, 'in http';
warns "${APP}${URI}vcita_oauth_pkce off; #!\nserver { $SERVER vcita_oauth_scope email profile; vcita_oauth optional; }", $says,
    'the scope in a server';
warns "${APP}${URI}server { $SERVER vcita_oauth on;\nvcita_oauth_pkce off; #!\nlocation /a { vcita_oauth_scope email; }\n"
    . "location /b { vcita_oauth_scope profile; } }", $says, 'two locations: one line';
warns_line 'vcita_oauth_scope openidx; vcita_oauth_pkce off;', $says, 'a scope that only begins so';
accepts_line "$_", $_
    for 'vcita_oauth_pkce off;', 'vcita_oauth_scope email openid; vcita_oauth_pkce off;', 'vcita_oauth_scope email;';
accepts "${APP}${URI}vcita_oauth_pkce off;\nserver { $SERVER vcita_oauth on; location /a { vcita_oauth off; vcita_oauth_scope email; } }",
    'a location whose gate is off sends nobody to vcita';
accepts "${APP}${URI}vcita_oauth_pkce off; vcita_oauth_scope email;\nserver { $SERVER location /a { vcita_oauth on; vcita_oauth_scope openid; } }",
    'a level that has no gate neither';


=== TEST 17: a location's own vcita_oauth_require where its gate is off is an error, where it is optional a warning
--- flow
my $rule = 'vcita_oauth_require $vcita_oauth_claim_role owner;';
my $off = qr/"vcita_oauth_require" has no effect where "vcita_oauth" is "off", set "vcita_oauth on" in this location/;
my $optional = qr/"vcita_oauth_require" lets requests without a session through where "vcita_oauth" is "optional"/;
my $server = sub { "$APP$URI\nserver { $SERVER\n$_[0]\n}" };

refuses $server->("location / {\n$rule #!\n}"), $off, 'the gate is not set';
refuses $server->("location / { vcita_oauth off;\n$rule #!\n}"), $off, 'the gate is off';
refuses $server->("location / {\n$rule #!\n$rule\nvcita_oauth off; }"), $off, 'two rules: the first is named';
refuses $server->("vcita_oauth on;\nlocation / { vcita_oauth off;\n$rule #!\n}"), $off, 'on in the server, off in the location';
refuses $server->("location /a/ { location /a/b {\n$rule #!\n} }"), $off, 'a nested location';
refuses $server->("location /a/ { vcita_oauth on; location /a/b { vcita_oauth off;\n$rule #!\n} }"), $off,
    'a nested location that turns it off';
refuses $server->("location /a/ {\n$rule #!\nlocation /a/b { vcita_oauth on; } }"), $off,
    'a location is open, though one in it has a gate';
refuses $server->("location \@named {\n$rule #!\n}"), $off, 'a named location';
refuses $server->("location /status { vcita_oauth_status;\n$rule #!\n}"), $off, 'the status page';
refuses $server->("location /logout { vcita_oauth_logout;\n$rule #!\n}"), $off, 'a logout';
refuses "server { $SERVER\nlocation / {\n$rule #!\n} }", $off, 'no gate anywhere';

warns $server->("location / { vcita_oauth optional;\n$rule #!\n}"), $optional, 'optional';
warns $server->("vcita_oauth optional;\nlocation / {\n$rule #!\n}"), $optional, 'optional in the server';

accepts $server->("location / { vcita_oauth on; $rule }"), 'on';
accepts $server->("vcita_oauth on; location / { $rule }"), 'on in the server';
accepts "$APP$URI vcita_oauth on; server { $SERVER location / { $rule } }", 'on in http';
accepts $server->("$rule location / { vcita_oauth on; } location /open { }"), 'a rule of the server, gates in locations';
accepts "$APP$URI $rule server { $SERVER location / { vcita_oauth on; } location /open { vcita_oauth off; } }", 'a rule of http';
accepts "$APP$URI $rule server { $SERVER vcita_oauth optional; }", 'a rule of http, optional in a server';
accepts $server->("$rule vcita_oauth on; location /open { vcita_oauth off; location /open/in { } }"), 'inherited where it is off';
accepts $server->("vcita_oauth on; location / { $rule if (\$arg_a) { set \$b 1; } limit_except GET { deny all; } }"),
    'if and limit_except inherit rule and gate';
accepts $server->("$rule location / { if (\$arg_a) { set \$b 1; } limit_except GET { deny all; } }"),
    'if and limit_except of an open location, a rule of the server';
refuses $server->("vcita_oauth on; location / { if (\$arg_a) {\n$rule #!\n} }"), qr/not allowed here/, 'no rule in an if';
refuses $server->("vcita_oauth on; location / { limit_except GET {\n$rule #!\n} }"), qr/not allowed here/, 'nor in a limit_except';


=== TEST 18: a redirect_uri path that does not decode to a path would never be the callback: an error
--- flow
my $uri = sub { "${APP}vcita_oauth_redirect_uri \"$_[0]\"; #!\nserver { $SERVER vcita_oauth on; }" };
my $says = qr/no request can have the path of redirect_uri "[^"]+"/;
refuses $uri->("https://portal.example.com$_"), $says, $_
    for '/cb%3F', '/cb%3f', '/cb%3Fa=1', '/%3Fcb', '/cb%00', '/%00', '/cb%00x', '/cb%', '/cb%2', '/cb%zz', '/cb%2g/x', '/cb%%20',
        '/cb\\\\x', "/cb\tx", "/cb\x7f";
my $plain = qr/requires a plain path of its own/;
refuses $uri->("https://portal.example.com$_"), $plain, $_
    for '/a/%2e%2e/cb', '/%2e/cb', '/a/%2E%2E', '/a%2F%2Fcb', '/a/%2Fcb', '/a%2F/cb', '/%2e', '/a/..', '/a/.', '/%2F', '/a/../cb?b=1';
accepts $uri->("https://portal.example.com$_"), $_
    for '/cb%20x', '/cb%25', '/cb%23', '/cb%2Fx', '/cb?a=%3F%00%zz', '/caf%C3%A9', '/..cb', '/cb..', '/.well-known/cb', '/cb/', '/cb+x;y=z';


=== TEST 19: each redirect_uri path that nginx -t accepts is the callback that a browser comes back to
--- gate
no vcita_oauth_redirect_uri;
--- config
location /a { vcita_oauth on; vcita_oauth_cookie_name a; vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/a/cb%25%23%20x; proxy_pass $VCITA_APP; }
location /b { vcita_oauth on; vcita_oauth_cookie_name b; vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/b%2Fcaf%C3%A9/?a=%3F; proxy_pass $VCITA_APP; }
location /c { vcita_oauth on; vcita_oauth_cookie_name c; vcita_oauth_redirect_uri "http://127.0.0.1:$TEST_NGINX_SERVER_PORT/c/..cb+x;y=z"; proxy_pass $VCITA_APP; }
--- flow
is browser()->visit("/$_/in")->status, 200, "/$_" for qw( a b c );


=== TEST 20: an unknown word: the message names the directive and all words that it takes
--- flow
my $says = sub { my ($bad, $name, $words) = @_; qr/^invalid value "$bad" in $name: $words in / };
for (['vcita_oauth', 'on, off or optional'], ['vcita_oauth_challenge', 'auto, login or 401'], ['vcita_oauth_pkce', 'on or off'], ['vcita_oauth_ssl_verify', 'on or off'],
     ['vcita_oauth_token_format', 'form or json'], ['vcita_oauth_userinfo', 'auto, on or off'],
     ['vcita_oauth_cookie_samesite', 'lax or none'])
{
    my ($name, $words) = @$_;
    refuses "${APP}${URI}$name yes; #!\nserver { $SERVER }", $says->('yes', $name, $words), $name;
    refuses "${APP}${URI}server { $SERVER\nlocation / {\n$name \"\"; #!\n} }", $says->('', $name, $words), "$name, empty";
    refuses "${APP}${URI}$name; #!\nserver { $SERVER }", qr/invalid number of arguments in "$name"/, "$name, none";
    accepts "${APP}${URI}$name " . uc($_) . ";\nserver { $SERVER }", "$name $_, upper case" for $words =~ /\b(on|form|lax)\b/;
}


=== TEST 21: text that is sent to somebody cannot end a header or a cookie
--- flow
for my $name (qw( issuer )) {
    refuses_line "vcita_oauth_$name \"$_\";", qr/"vcita_oauth_$name" directive takes printable ASCII/, "$name $_"
        for 'app; Domain=evil.example', '/app;', 'a b', 'a,b', "a\r\nSet-Cookie: b=c", "a\x01b", "a\x7f", "\x{c3}\x{a4}",
            'a\\"b', 'a\\\\b';
    refuses_line "vcita_oauth_$name \"\";", qr/is empty/, "$name, empty";
    accepts_line "vcita_oauth_$name $_;", "$name $_" for 'https://issuer.example/a?b=c&d', "a'b()<>[]:=@~!#%^*|`";
}
refuses_line "vcita_oauth_scope \"openid\" \"a\r\nb\";", qr/has a control character/, 'scope';
refuses_line "vcita_oauth_client_id \"a\nb\";", qr/has a control character|is duplicate/, 'client_id';
refuses "vcita_oauth_client_id \"a\x01b\"; #!\nserver { $SERVER }", qr/has a control character/, 'client_id, alone';
refuses_line "vcita_oauth_ssl_trusted_certificate \"a\x01b\";", qr/has a control character/, 'ssl_trusted_certificate';


=== TEST 22: a default is what the manual says: spelt out, it makes no other client
--- flow
my $manual = do { open my $fh, '<', 'docs/directives.md' or die $!; local $/; <$fh> };
my $n = 0;
while ($manual =~ /^\*\*Default:\*\* (vcita_oauth_(\w+) [^;]+);/mg) {
    my ($default, $name) = ($1, $2);
    next if $name eq 'rate';
    accepts "server { $SERVER\nlocation /a { $APP$URI vcita_oauth on; $default; }\n"
        . "location /b { $APP$URI vcita_oauth on; } }", $default;
    $n++;
}
cmp_ok $n, '>=', 15, 'directives that have a default';


=== TEST 23: vcita_oauth_header: names that nginx or the connection needs, what is no name, what is no variable
--- flow
my $sub = '$vcita_oauth_claim_sub';
my $header = sub { my ($name, $value) = @_; 'vcita_oauth_header ' . join(' ', $name, $value // $sub) . ';' };

refuses_line $header->($_), qr/^"vcita_oauth_header" cannot set "$_", which nginx reads or changes, use another name in /, $_
    for qw( Host Authorization X-Forwarded-For X-Real-IP Range If-Range If-None-Match User-Agent Referer Accept Accept-Language
            Accept-Encoding Cookie Date Via Expect Depth Destination Overwrite Connection Keep-Alive TE Trailer Transfer-Encoding
            Upgrade HTTP2-Settings Proxy-Authorization Proxy-Connection Content-Type Content-Length Content-Anything
            x_forwarded.for AUTHORIZATION cookie_ -te contenttype );
refuses_line $header->($_), qr/^invalid header name "/, "name $_"
    for '""', '-', '"-._"', '"X User"', 'X:User', "\"X\x01User\"", '"X;User"', 'X/User', '"X-\"User"', 'X$host', "X\x{c3}\x{a4}";
refuses_line $header->('X-User', $_), qr/^"vcita_oauth_header" takes one variable as its value, not "/, "value $_"
    for 'alice', '""', '$', '"$vcita_oauth_claim_sub "', '"$vcita_oauth_claim_sub$host"', 'a$host', '"${host}"', '$a-b';
refuses_line 'vcita_oauth_header X-User;', qr/invalid number of arguments/, 'no value';
refuses_line "vcita_oauth_header X-User \$host;\nvcita_oauth_header x_user $sub;", qr/^"vcita_oauth_header" sets "x_user" twice, also as "X-User", remove one of them in /, 'twice';

my (undef, undef, undef, $out) = main::nginx_t(main::with($header->('X-User', '$no_such_variable')));
like $out, qr/\[emerg\] unknown "no_such_variable" variable/, 'a variable that does not exist';

accepts_line $header->($_), "name $_" for qw( X-Forwarded-User x X_User X.User X-Content-Type 9 Forwarded Cookies Hosts );
accepts_line $header->('X-User', $_), "value $_" for qw( $HOST $vcita_oauth_claim_Sub $vcita_oauth_access_token );
accepts_line $header->('X-A') . $header->('X-B') . $header->('X-AB'), 'several';
accepts "server { $SERVER " . $header->('X-User') . ' location / { ' . $header->('x_user', '$host') . ' } }', 'without a gate, and replaced';


=== TEST 24: vcita_oauth_launch is a path of this site, and no callback path of its server, which would never end
--- flow
my $path = qr/"vcita_oauth_launch" directive takes a path of this site/;
refuses_line qq{vcita_oauth_launch "$_";}, $path, $_
    for 'apps', 'https://evil.example/', '//evil.example', '/a//b', '/a/../b', '/a/..', '/./a', '/a/%2e%2e', '/a/%2E', '/%2f', '/a#b', '/a%',
        '/a%zz', '/a%00', '/a%3f', '/$host', '/a?$args', '?a';
refuses_line 'vcita_oauth_launch "";', qr/is empty/, 'empty';
refuses_line qq{vcita_oauth_launch "$_";}, qr/takes printable ASCII/, $_ for '/a b', '/\\\\evil.example';
accepts_line "vcita_oauth_launch $_;", $_
    for '/', '/apps', '/apps/', '/apps?a=//b&c=%zz', '/?', '/oauth/callback/', '/oauth', '/caf%C3%A9', '/oauth/Callback';

my $loop = sub { qr/vcita_oauth_launch "\Q$_[0]\E" is a callback path of its server, use another path/ };
for ('/oauth/callback', '/oauth/callback?a=b', '/%6fauth/callback', '/oauth%2Fcallback') {
    refuses "$APP$URI\nvcita_oauth_launch $_; #!\nserver { $SERVER vcita_oauth on; }", $loop->($_), $_;
}
my $other = "vcita_oauth_redirect_uri https://portal.example.com/b/cb; vcita_oauth_cookie_name b;";
for my $n (0, 1) {
    my @location = ("location /a { $APP$URI vcita_oauth on;\nvcita_oauth_launch /b/cb; #!\n}\n", "location /b { $APP$other vcita_oauth on; }\n");
    refuses "server { $SERVER\n$location[$n]$location[1 - $n]\n}", $loop->('/b/cb'), "another client's, $n";
}
accepts "${APP}vcita_oauth_launch /oauth/callback;\nserver { $SERVER }", 'a server without a client';


=== TEST 25: vcita_oauth_authorize_endpoint: variables in its host alone; a host that the request names is a warning
--- flow
my $path = qr/authorize_endpoint "[^"]+" can have variables only in its host/;
refuses_line "vcita_oauth_authorize_endpoint $_;", $path, $_
    for 'https://a.example/$server_name', 'https://$server_name/$server_name', 'https://a.example?$server_name', 'https://$server_name?a=$arg_a';
refuses_line qq{vcita_oauth_authorize_endpoint "$_";}, qr/is not an http or https URL/, $_
    for '$scheme://a.example/', 'ftp://$server_name/', '$server_name/a', 'https://$server_name/a#b', 'https://$server_name/a b';
refuses_line 'vcita_oauth_authorize_endpoint https://$server_name/a?state=x;', qr/is a parameter that the gate sends/, 'a parameter of the gate';

my $warns = qr/the request names the host of authorize_endpoint "[^"]+", so that a link .*use a map/;
warns_line "vcita_oauth_authorize_endpoint https://$_/a;", $warns, $_
    for '$host', '${host}', '$HOST:443', 'a.$host', '$arg_brand_host', '${Arg_x}.example', '$http_host', '$http_x_brand', '$cookie_brand',
        '$server_name$arg_a';
warns_line 'vcita_oauth_authorize_endpoint http://$server_name/a;', qr/authorize_endpoint "[^"]+" is not protected by TLS on any host/, 'http';
accepts_line "vcita_oauth_authorize_endpoint https://$_/a;", $_ for '$server_name', '${hostname}', 'a.$server_name:8443';
accepts "map \$arg_brand_host \$vcita_host { default app.vcita.com; partner.example partner.example; }\n"
    . "$APP$URI vcita_oauth_authorize_endpoint https://\$vcita_host/app/oauth/authorize;\nserver { $SERVER vcita_oauth on; }", 'a map';


=== TEST 26: a client_secret that is a path, or of an environment that nginx does not read, is an error
--- flow
refuses "vcita_oauth_client_id app1;\nvcita_oauth_client_secret \"$_\"; #!\nserver { $SERVER }", qr/did you mean "file:\/path"\?/, $_
    for '/etc/nginx/vcita/client_secret', 'env:VCITA_SECRET', '${VCITA_SECRET}';
refuses_line "vcita_oauth_http_proxy \"$_\";", qr/did you mean "file:\/path"\?/, "proxy $_" for '/etc/nginx/proxy', 'env:PROXY';


=== TEST 27: a variable where none is evaluated is a warning, not in a secret
--- flow
warns_line "vcita_oauth_$_", qr/takes no variables, "\$" stands for itself in/, $_
    for 'issuer https://$host/;', 'scope openid $x;', 'authorize_args a=$arg_a;', 'jwks_endpoint https://vcita.example/$x;';
accepts "vcita_oauth_client_id app1;\nvcita_oauth_client_secret 's3cret\$0123456789abcdef-0123456789';\nserver { $SERVER }", 'a secret';
