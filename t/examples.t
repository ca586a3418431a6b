# The configurations of examples/ and of the README: each passes nginx -t as it is, and does what it says.
# They run with other paths, ports and addresses of vcita, and are not changed otherwise.

use lib 't/lib';
use VcitaTest;
use VcitaAssertion;

use File::Temp ();
use JSON::PP ();
use MIME::Base64 qw( encode_base64 );
use VcitaCert ();

repeat_each(1);

my $Dir = File::Temp->newdir;
mkdir "$Dir/$_" or die "$Dir/$_: $!\n" for qw( ended app );

sub slurp { local $/; open my $fh, '<', $_[0] or die "$_[0]: $!\n"; return scalar <$fh> }

sub put {
    my ($name, $text) = @_;
    open my $fh, '>', "$Dir/$name" or die "$Dir/$name: $!\n";
    print $fh $text;
    close $fh;
    chmod 0600, "$Dir/$name";
    return "$Dir/$name";
}

put(client_secret => 's3cret-0123456789abcdef-0123456789');
put(session_key => pack 'C*', map { int rand 256 } 1 .. 48);
put(redis_password => 'of the fleet');
put(sentinel_password => 'of the Sentinels');
put('mime.types' => 'types { text/html html; application/javascript js; }');
put('app/index.html' => "the page\n");
put('app/page.js' => "// the page's script\n");

# where they are; tools/mutants.sh tests its own
my $Examples = $ENV{VCITA_EXAMPLES} // 'examples';


system('cp', '-r', "$Examples/pages", "$Dir/pages") == 0 or die "cp: $?\n";


# a balancer at that port, which ends TLS for the site at the second one
sub balancer {
    my ($port, @more) = @_;
    return <<END;
server {
    listen               127.0.0.1:\$TEST_NGINX_RAND_PORT_$port ssl;
    ssl_certificate      \$VCITA_CERT;
    ssl_certificate_key  \$VCITA_CERT_KEY;
    @more
    location / {
        proxy_set_header  Host               \$http_host;
        proxy_set_header  X-Forwarded-For    \$proxy_add_x_forwarded_for;
        proxy_pass        http://127.0.0.1:\$TEST_NGINX_RAND_PORT_2;
    }
}
END
}

# an example, by its name or the text of the README, with paths that are here
sub example {
    my ($name) = @_;
    my $text = $name eq 'README'     ? (slurp('README.md') =~ /^```nginx\n(load_module .*?)^```/ms)[0]
             : $name eq 'kubernetes' ? kubernetes()->{ConfigMap}{data}{'nginx.conf'}
                                     : slurp("$Examples/$name.conf");
    my $cert = VcitaCert->get;

    $text =~ s{/tmp/}{$Dir/}g;
    $text =~ s{/etc/nginx/vcita/}{$Dir/}g;
    $text =~ s{/var/(?:log/nginx|www)/}{$Dir/}g;
    $text =~ s{/etc/ssl/certs/ca-certificates\.crt}{$cert->{ca}}g;
    $text =~ s{/etc/nginx/mime\.types}{$Dir/mime.types}g;
    $text =~ s{/etc/nginx/(?:redis/)?\w+\.crt}{$cert->{site}}g;
    $text =~ s{/etc/nginx/(?:redis/)?\w+\.key}{$cert->{site_key}}g;
    die "$name: a path is left: $&\n" if $text =~ m{/(?:etc|var|usr)/(?!resolv\.conf)\S*};
    return $text;
}


# what kubernetes-models say of YAML: { objects => [...], wrong => [...] }
sub VcitaFlow::Code::kubernetes_says {
    my ($yaml) = @_;
    my $said = `node t/kubernetes/validate.mjs < @{[ put('objects.yml', $yaml) ]}`;
    die "node: $?\n" if $?;
    return JSON::PP::decode_json($said);
}

# the YAML of examples/kubernetes, as kubectl apply -f of the folder reads it; its objects, by kind
sub VcitaFlow::Code::kubernetes_yaml { return join "---\n", map { slurp($_) } sort glob "$Examples/kubernetes/*.yml" }

sub kubernetes {
    my $said = VcitaFlow::Code::kubernetes_says(VcitaFlow::Code::kubernetes_yaml());
    return { map { $_->{kind} => $_ } @{ $said->{objects} } };
}

sub VcitaFlow::Code::kubernetes { return kubernetes() }


# nginx -t of all of it: whether it passes, and what it says
sub nginx_test {
    my ($name) = @_;
    my $text = example($name);
    my $own = $text =~ /^pid /m;

    $text =~ s{^load_module modules/\S+;}{load_module $ENV{TEST_NGINX_LOAD_MODULES};@{[ $own ? '' : "\npid nginx.pid;\nerror_log /dev/null;" ]}}m
        or die "$name does not load the module\n";
    my $port = VcitaFlow::port();
    $text =~ s{listen(\s+)(?:443|8080)}{listen${1}127.0.0.1:$port}g;
    $text =~ s{http://portal-app:}{http://127.0.0.1:}g;
    $text =~ s<^http \{\n><http {\n    access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n>m
        or die "$name has no http\n" if !$own;

    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
    my $file = put("$name.conf", $text);
    my $out = `$nginx -t -p $Dir/ -c $file -e /dev/null 2>&1`;
    return ($? == 0, $out);
}

sub VcitaFlow::Code::passes {
    my ($name) = @_;
    my ($ok, $out) = nginx_test($name);
    VcitaFlow::Code::ok($ok && $out !~ /\[(?:warn|error|emerg|crit|alert)\]/, "$name passes nginx -t without a warning")
        or VcitaFlow::Code::diag($out);
}

# what nginx -t says if that file were empty
sub VcitaFlow::Code::with_empty {
    my ($file, $name) = @_;
    my $value = slurp("$Dir/$file");
    put($file, '');
    my (undef, $out) = nginx_test($name);
    put($file, $value);
    return $out;
}


# the line that ends sessions, in the file that the example includes
sub VcitaFlow::Code::end_sessions {
    my ($sub, $time) = @_;
    my $line = `sh examples/end-sessions.sh $sub @{[ $time // '' ]}`;
    die "end-sessions.sh failed\n" if $?;
    put('ended/someone', $line);
    my @old = VcitaFlow::nginx_reload();
    VcitaFlow::wait_for(sub { !grep { kill 0 => $_ } @old }, 15, 'the old workers to be gone');
}


# a browser at a site of the example; vcita answers with an id_token, which has few claims
sub VcitaFlow::Code::at {
    my ($host, %opt) = @_;
    VcitaFlow::stub()->always({ token => { id_token => {} } });
    my $to = '127.0.0.1:' . VcitaFlow::rand_port(1);
    return VcitaFlow::browser(base => "https://$host", resolve => { map { ("$_.example.com" => $to) } qw( portal spa gym app other auth wiki ) }, %opt);
}

# what the application received: its headers
sub VcitaFlow::Code::seen { return { map { lc $_->[0] => $_->[1] } @{ $_[0]->json->{headers} } } }
sub VcitaFlow::Code::user { return VcitaFlow::Code::seen($_[0])->{'x-forwarded-user'} }

# without the port, which is 443 outside of a test
sub VcitaFlow::Code::plain { return $_[0] =~ s{^(https://[^/:]+):\d+}{$1}r }

sub VcitaFlow::Code::user_claims { return { userinfo => { set => {@_} } } }


# A client that wants to be somebody else: asks for a path in every way that it can name a header in, and gives
# the names whose value came through to the application, sorted, and how many of the requests it received.
sub VcitaFlow::Code::spoofed {
    my ($b, $path, @names) = @_;
    my @all = map { ($_ => "spoofed-$_") } @names;
    my @most = grep { $_ ne 'Authorization' } @names;
    my $like = sub { my ($how) = @_; [ map { ($how->($_) => "spoofed-$_") } @most ] };

    my @ways = (\@all, $like->(sub { lc $_[0] }), $like->(sub { uc $_[0] }), [ authORIZATION => 'spoofed-Authorization' ],
        $like->(sub { join '', map { rand > 0.5 ? uc : lc } split //, $_[0] }),
        (map { my $char = $_; $like->(sub { $_[0] =~ s/-/$char/gr }) } '_', '.'),
        $like->(sub { $_[0] =~ s/-([^-]*)$/_$1/r }), [ (@{ $like->(sub { $_[0] }) }) x 3 ],
        [ ('Authorization' => 'spoofed-Authorization') x 2 ], [ map { ($_ => '', $_ => "spoofed-$_") } @most ],
        [ @all, Connection => join ', ', 'close', @names ], [ @all, 'X-HTTP-Method-Override' => 'GET' ],
        [ map { ("$_ " => "spoofed-$_") } @names ], [ map { ('X-A' => "a\r\n $_: spoofed-$_") } @names ]);

    my $before = VcitaFlow::stub()->app_requests;
    for my $way (@ways) {
        for my $method (qw( GET POST )) {
            my $r = $b->request($method => $path, headers => $way);
            VcitaFlow::fail("$method $path with @$way[0, 1]: " . $r->status) if $r->status >= 500;
        }
    }

    my @got = VcitaFlow::stub()->app_requests;
    splice @got, 0, $before;
    my %found;
    $found{$_} = 1 for map { map { $_->[1] =~ /spoofed-([\w-]+)/g } @{ $_->{headers} } } @got;
    return (join(' ', sort keys %found), scalar @got);
}


# the lines of audit-log.conf's log, and what docs/operations.md's line of jq says of them, for one day
sub VcitaFlow::Code::audit_lines { return -e "$Dir/audit.log" ? split /\n/, slurp("$Dir/audit.log") : () }

sub VcitaFlow::Code::signed_in_on {
    my ($day) = @_;
    my ($jq) = slurp('docs/operations.md') =~ /^```sh\n(jq .*?)\n```/ms or die "no jq in docs/operations.md\n";
    $jq =~ s/(--arg day )\S+/$1$day/ or die "no --arg day\n";
    $jq =~ s{/var/log/nginx/audit\.log}{$Dir/audit.log} or die "no file\n";
    my $said = `$jq`;
    die "jq: $?\n" if $?;
    utf8::decode($said);
    return $said;
}


# The bytes of all that these browsers got, and all that was logged.
sub VcitaFlow::Code::everything {
    my @logs = map { VcitaFlow::servroot() . "/logs/$_" } qw( access.log error.log );
    return join "\n", (map { ($_->{raw_head} // '') . $_->body } map { $_->answers } @_), map { slurp($_) } @logs;
}

# in how many ways a text tells a token: as it is, as bytes, in base64
sub VcitaFlow::Code::tells {
    my ($text, $token) = @_;
    my %way = (text => $token, start => substr($token, 0, 20), end => substr($token, -20), bytes => pack('H*', $token));
    for my $of ($token, pack('H*', $token)) {
        # in base64, three bytes later than others is the same text again
        $way{"base64 $_ " . length $of} = substr encode_base64(substr($of, $_), ''), 0, 20 for 0 .. 2;
    }
    my @found = grep { index(lc $text, lc $way{$_}) >= 0 || index($text =~ tr{-_}{+/}r, $way{$_}) >= 0 } sort keys %way;
    return join ', ', @found;
}


# vcita's API for api.conf, over TLS, under its own name, at port 2: before the application that echoes.  Its answers
# give away the token that it was sent in a cookie and a header; /platform/v1/clients/telltale/ in the body, too.
my $Api = <<'END';
upstream api.vcita.biz { server 127.0.0.1:$TEST_NGINX_RAND_PORT_2; }

server {
    listen               127.0.0.1:$TEST_NGINX_RAND_PORT_2 ssl;
    server_name          api.vcita.biz;
    ssl_certificate      $VCITA_CERT;
    ssl_certificate_key  $VCITA_CERT_KEY;
    access_log           off;

    proxy_set_header     Host  $http_host;
    add_header           Set-Cookie     "vcita_api=$http_authorization; Path=/" always;
    add_header           Authorization  $http_authorization always;

    location / {
        sub_filter        $http_authorization "(as it should be)";
        sub_filter_types  *;
        sub_filter_once   off;
        proxy_pass        $VCITA_APP;
    }
    location /platform/v1/clients/telltale/  { proxy_pass $VCITA_APP; }
    location /platform/v1/clients/revoked/   { return 401 '{"error":"invalid_token"}'; }
    location /platform/v1/clients/elsewhere/ { add_header X-Accel-Redirect /page.js; return 200 'theirs'; }
}
END


# `--- example: name`: what is in its http {}, with the stand-in for vcita
# `--- without: regex`: less the lines that it matches, to show that what should not be seen would be
# `--- before`: what stands before it
# `--- within`: what stands before its first location /
# `--- upstream`: the application is at port 2, as `before` has it
add_block_preprocessor(sub {
    my ($block) = @_;
    my $name = $block->example // return $block->set_value(config => '');
    $name =~ s/\s+//g;

    my ($http) = example($name) =~ /^http \{\n(.*)^\}/ms or die "$name has no http\n";
    my %change = (
        'listen(\s+)443'             => sub { "listen$1\$TEST_NGINX_RAND_PORT_1" },
        'http://127\.0\.0\.1:8000'   => sub { '$VCITA_APP' },
        '(vcita_oauth_client_id\s+)\w+;' => sub { "${1}app1;" },
    );
    $change{'127\.0\.0\.1:8080'} = sub { '127.0.0.1:$TEST_NGINX_RAND_PORT_2' } if $name eq 'forward-auth';
    if ($name eq 'balancer' || $name eq 'kubernetes') {
        delete $change{'listen(\s+)443'};
        $change{'listen(\s+)8080'} = sub { "listen${1}127.0.0.1:\$TEST_NGINX_RAND_PORT_2" };
        $change{'(?:192\.0\.2\.0/24|10\.244\.0\.0/16)'} = sub { '127.0.0.1' };
    }
    if ($name eq 'kubernetes') {
        delete $change{'http://127\.0\.0\.1:8000'};
        $change{'http://portal-app:8000'} = sub { '$VCITA_APP' };
        $change{$_} = sub { '' } for 'access_log\s+/dev/stdout;', '\w+_temp_path\s.*', 'vcita_oauth_rate\s+4r/s;';
    }
    if ($name eq 'embedded') {
        # vcita's default host is the stub's; the others have none
        $change{'https://\$vcita_host/'} = sub { 'http://$vcita_host/' };
        $change{'(default\s+)app\.vcita\.com'} = sub { "$1" . VcitaFlow::stub()->url =~ s{^http://}{}r };
    }
    $change{'http://127\.0\.0\.1:8000'} = sub { 'http://127.0.0.1:$TEST_NGINX_RAND_PORT_2' } if defined $block->upstream;
    if ($name eq 'api') {
        delete $change{'http://127\.0\.0\.1:8000'};
        $http = "$Api$http";
    }
    delete $change{'http://127\.0\.0\.1:8000'} if $name eq 'whoami';
    if ($name eq 'audit-log') {
        $change{'vcita_oauth_revalidate\s+5m;'} = sub { 'vcita_oauth_revalidate 1s;' };
    }
    for my $what (sort keys %change) {
        $http =~ s/$what/$change{$what}->()/ge or die "$name: no $what\n";
    }
    for my $what (grep { length } split /\n/, $block->without // '') {
        $http =~ s/^.*$what.*\n//mg or die "$name: no line has $what\n";
    }
    $http =~ s/^(?=    \h*location \/ \{)/$block->within/me or die "$name: no location /\n" if defined $block->within;
    $http = ($block->before // '') . $http;

    # an API that is not vcita's
    $http =~ s{(proxy_ssl_trusted_certificate\s+)\S+;}{$1\$VCITA_CA_OTHER;} or die if defined $block->other_ca;
    $http =~ s{\$VCITA_CERT(_KEY)?;}{VcitaCert->get->{ $1 ? 'stub_key' : 'stub' } . ';'}ge or die if defined $block->other_name;
    # nginx keeps an upstream's TLS session, and does not free it when it ends
    $http = "proxy_ssl_session_reuse off;\n$http" if $ENV{ASAN_OPTIONS};

    $block->set_value(http_config => "vcita_oauth_rate off;\n"
        . ($http =~ /vcita_oauth_authorize_endpoint/ ? '' : "vcita_oauth_authorize_endpoint \$VCITA_STUB/app/oauth/authorize;\n")
        . "vcita_oauth_token_endpoint \$VCITA_STUB/oauth/token;\n"
        . "vcita_oauth_userinfo_endpoint \$VCITA_STUB/oauth/userinfo;\n"
        . "vcita_oauth_jwks_endpoint \$VCITA_STUB/jwks.json;\n$http");
    $block->set_value(config => '');
});

run_tests();

__DATA__

=== TEST 1: every example passes nginx -t
--- flow
passes($_) for 'README', map { m{([^/]+)\.conf$} } glob 'examples/*.conf';


=== TEST 2: the README's configuration: in, who it is, out
--- example: README
--- flow
my $b = at('portal.example.com');
my $r = $b->visit('/reports');
is $r->status, 200, 'in';
is $r->json->{uri}, '/reports', 'where it began';
is user($r), 'a383717599bf1893', 'by account';
is $b->get('/logout')->location, 'https://www.example.com/', 'out';
is $b->get('/reports')->status, 302, 'and it holds';

stub->next(user_claims(business_uid => 'another'));
$r = at('portal.example.com')->visit('/reports');
is $r->status, 403, 'another business may not come in';
--- error_log
is not met


=== TEST 3: optional.conf: anonymous sees the page; /login signs in and returns
--- example: optional
--- flow
my $b = at('portal.example.com');
my $r = $b->get('/page', headers => [ 'X-Forwarded-User' => 'admin@example.biz' ]);
is $r->status, 200, 'anonymous sees the page';
is user($r), undef, 'and is nobody, whatever the client says';
is_deeply $r->set_cookies, [], 'no cookie';
is $b->get('/account/a')->status, 302, 'but not the account';

$r = $b->visit('/login');
is plain($r->url), 'https://portal.example.com/', '/login comes back to the start page';
is user($r), 'a383717599bf1893', 'signed in';
is user($b->get('/page')), 'a383717599bf1893', 'on every page';
is $b->get('/account/a')->json->{uri}, '/account/a', 'the account, too';

for ([ '/reports/2026.html', '/reports/2026.html' ], [ '//evil.example.com/', '/' ], [ '/\evil.example.com/', '/' ],
     [ 'https://evil.example.com/', '/' ], [ '/%0d%0aSet-Cookie:a=b', '/' ], [ '/.', '/' ])
{
    my ($to, $path) = @$_;
    is plain($b->get("/login?to=$to")->location), "https://portal.example.com$path", "/login?to=$to";
}
is at('portal.example.com')->visit('/login?to=/account/b')->json->{uri}, '/account/b', '/login?to= of someone anonymous';

is plain($b->get('/logout')->location), 'https://portal.example.com/', 'signed out';
is user($b->follow), undef, 'and nobody again';


=== TEST 4: end-sessions.conf: a session from before is refused, a new login is in; others stay
--- example: end-sessions
--- master_on
--- flow
my ($alice, $bob) = map { at('portal.example.com') } 1, 2;
is $alice->visit('/')->status, 200, 'alice is in';
stub->always({ token => 0 });            # an id_token would be alice's
stub->next(user_claims(sub => 'b0b', email => 'bob@example.biz'));
is $bob->visit('/')->status, 200, 'bob is in';

end_sessions('a383717599bf1893', time - 3600);
is $alice->get('/')->status, 200, "an hour ago: alice's session is younger";

my $now = time;
end_sessions('a383717599bf1893');
my $r = $alice->get('/');
is $r->status, 403, "now: alice's session is over";
like $r->body, qr/Sign in as another account/, 'with a way on';
is user($bob->get('/')), 'b0b', "bob's is not";

wait_for { time > $now + 1 } 5, 'the next second';
my ($href) = $r->body =~ /href="([^"]*authorize[^"]*)"/;
$alice->get($href =~ s/&amp;/&/gr);
$r = $alice->follow;
is $r->status, 200, 'alice signs in again';
is user($r), 'a383717599bf1893', 'and is in';

$now = time;
wait_for { time > $now } 5, 'the next second';
end_sessions('everyone', $now);
is $_->get('/')->status, 403, 'everyone' for $alice, $bob;
--- error_log
is not met


=== TEST 5: end-sessions.sh refuses what would not be a line of its file
--- flow
for my $bad ('""', "'a b'", q{'a"b'}, q{'a\\b'}, 'a x', 'a 017', 'a 12345678901') {
    system "sh examples/end-sessions.sh $bad >/dev/null 2>&1";
    isnt $?, 0, $bad;
}


=== TEST 6: multi-domain.conf: two hosts, sessions of one are none of the other, a bad Host is 400
--- example: multi-domain
--- flow
my $b = at('spa.example.com');
my $r = $b->get('/a');
is $r->param('redirect_uri'), 'https://spa.example.com/oauth/callback', 'each domain has its redirect_uri';
$r = $b->follow;
is $r->status, 200, 'in at one';
is $r->url, 'https://spa.example.com/a', 'where it began';

$r = $b->get('https://gym.example.com/b');
is $r->status, 302, 'not at the other';
is $r->param('redirect_uri'), 'https://gym.example.com/oauth/callback', 'which has its own';
stub->next(user_claims(business_uid => '1f0a6b2c9d8e7f35'));
is $b->follow->url, 'https://gym.example.com/b', 'in there, too';
is user($b->res), 'a383717599bf1893', 'by account';
is $b->get('https://spa.example.com/a')->status, 200, 'and still at the first';

my $name = '__Host-vcita_session';
my ($cookie) = map { /^\Q$name\E=([^;]+)/ } map { @{ $_->set_cookies } } $b->answers;
is at('gym.example.com')->get('/b', headers => [ Cookie => "$name=$cookie" ])->status, 403,
    'a session that is carried over by hand is refused';

my $back = at('spa.example.com');
$back->get('/a');
my $url = $back->hop->location =~ s/spa/gym/r;
is $back->get($url)->status, 400, 'a login of one does not end at the other';

is $b->get('https://spa.example.com/', headers => [ Host => $_ ])->status, 400, "Host: $_"
    for 'evil.example.com', 'spa.example.com<', 'spa.example.com/x';
is at('other.example.com')->get('/', soft => 1)->status, 0, 'another name gets no TLS at all';
--- error_log
vcita callback refused: invalid_state
is not met


=== TEST 7: portal.conf: in, back where it began, the application is told who; out
--- example: portal
--- flow
my $b = at('portal.example.com');
is $b->get('/reports?year=2026')->status, 302, 'nobody goes to vcita';
is $b->post('/reports', { a => 1 })->status, 401, 'a form is not sent there';
is scalar(stub->app_requests), 0, 'the application saw nothing of it';

my $r = $b->visit('/reports?year=2026');
is $r->status, 200, 'in';
is $r->json->{uri}, '/reports?year=2026', 'where it began';

my $h = seen($r);
is $h->{$_->[0]}, $_->[1], $_->[0] for [ 'x-forwarded-user', 'a383717599bf1893' ],
    [ 'x-forwarded-email', 'alice@example.biz' ], [ 'x-forwarded-role', 'owner' ],
    [ 'x-forwarded-business', 'ed469f8764326a66' ], [ host => 'portal.example.com' ],
    [ 'x-forwarded-host', 'portal.example.com' ], [ 'x-forwarded-port', rand_port(1) ], [ 'x-forwarded-proto', 'https' ],
    [ 'x-forwarded-for', '127.0.0.1' ], [ 'x-real-ip', '127.0.0.1' ], map { [ $_, undef ] } qw( authorization forwarded cookie );

is $b->get('/logout', cross_site => 1, headers => [ 'Sec-Fetch-Site' => 'cross-site' ])->status, 200,
    'another site that signs out: a page';
is $b->get('/reports')->status, 200, 'and still in';
is $b->get('/logout')->location, 'https://www.example.com/', 'out';
is_deeply [ $b->cookies ], [ '__Host-vcita_session_login' ], 'no session is left';
is $b->get('/reports')->status, 302, 'and it holds';
is at('portal.example.com')->get('/logout')->location, 'https://www.example.com/', 'out without having been in';


=== TEST 8: portal.conf: another business gets 403, everywhere, at once and later; the files in /assets/ are for all
--- example: portal
--- flow
for my $claims ([ business_uid => 'another' ], [ business_uid => '' ], [ business_uid => 'ED469F8764326A66' ],
    [ business_uid => 'ed469f8764326a66 ' ], [ business_uid => [] ], [ business_uid => { a => 'ed469f8764326a66' } ])
{
    my $b = at('portal.example.com');
    stub->next(user_claims(@$claims));
    my $r = $b->visit('/reports');
    is $r->status, 403, 'not for this business: ' . encode_json($claims);
    like $r->body, qr/alice\@example\.biz/, 'the page says who is signed in';
    is $b->get($_)->status, 403, "nor $_" for '/', '/assets', '/assets/', '/oauth/', '/logout/';
    is $b->get('/assets/app.css')->status, 200, 'but a public file';
    is user($b->res), undef, 'as nobody';
}
stub->next({ userinfo => { omit => [ 'business_uid' ] } });
is at('portal.example.com')->visit('/')->status, 403, 'nor for somebody of none';
is scalar(grep { $_->{target} ne '/assets/app.css' } stub->app_requests), 0, 'the application saw nothing of them';
--- error_log
is not met


=== TEST 9: portal.conf: what is public is what its location names, whatever the address looks like
--- example: portal
--- flow
my $b = at('portal.example.com');
for ('/assets/app.css', '/assets/js/v-2/app_1.min.js?v=3', '/x/../assets/app.css', '/assets//app.css', '/%61ssets/app.css',
     '/reports/..%2fassets/app.css', '/reports/%2e%2e/assets/app.css', '/reports/a/..%2f..%2fassets%2fapp.css')
{
    my $r = $b->get($_);
    is $r->status, 200, "$_: public";
    like $r->json->{uri}, qr{^/assets/[\w./-]+(?:\?v=3)?$}, 'and asked for by its plain name';
}
my $n = stub->app_requests;
for ('/assets/', '/assets/app', '/assets/..;/reports.css', '/assets/..;/reports', '/assets/a.css;/../reports', '/assets/%2e%2e/reports.css',
     '/assets/..%2freports.css', '/assets/..%5creports.css', '/assets/..%255creports.css', '/assets/%252e%252e/reports.css',
     '/assets/%252e%252e%252freports.css', '/assets/.htaccess', '/assets/a.css%00', '/assets/a.css%00.css', '/assets/a.css%0a',
     '/assets/a.css/', '/assets/a.css%3f', '/Assets/a.css', '/assets;/a.css', '/x/assets/a.css', '/assets/a%20.css', '/assets/a..css')
{
    my $status = $b->get($_)->status;
    ok $status == 302 || $status == 400, "$_: $status";
}
is scalar(stub->app_requests), $n, 'the application saw none of them';


=== TEST 10: portal.conf: what a client says of itself never reaches the application, on any path, before and after login
--- example: portal
--- flow
my @names = qw( X-Forwarded-User X-Forwarded-Email X-Forwarded-Role X-Forwarded-Business X-Forwarded-For X-Forwarded-Host
                X-Forwarded-Port X-Forwarded-Proto X-Real-IP Forwarded Authorization );
my $b = at('portal.example.com');
# the limit of the callback is that of an address
my $other = at('portal.example.com', from => '127.0.0.2');
for my $path ('/', '/reports', '/oauth/callback', '/logout') {
    is_deeply [ spoofed($path =~ /callback/ ? $other : $b, $path, @names) ], [ '', 0 ], "nobody, $path: it sees nothing at all";
}
my ($found, $n) = spoofed($b, '/assets/app.css', @names);
is $found, '', 'nobody, a public file';
cmp_ok $n, '>=', 20, "in $n requests";

is $b->visit('/')->status, 200, 'alice is in';
for my $path ('/', '/reports', '/assets/app.css') {
    ($found, $n) = spoofed($b, $path, @names);
    is $found, '', "alice, $path";
    cmp_ok $n, '>=', 20, "in $n requests";
}
my %who = map { join(' ', $_->header('X-Forwarded-User')) => 1 } grep { $_->{target} eq '/reports' } stub->app_requests;
is join(', ', sort keys %who), 'a383717599bf1893', 'who she is says the gate alone';

# one that vcita did not send is nobody's
stub->next({ userinfo => { omit => [qw( role email )] } });
$b = at('portal.example.com');
is $b->visit('/')->status, 200, 'somebody without a role';
my $h = seen($b->get('/', headers => [ 'X-Forwarded-Role' => 'owner', 'X-Forwarded-Email' => 'a@example.biz' ]));
is $h->{$_}, undef, "an absent claim removes the header: $_" for qw( x-forwarded-role x-forwarded-email );
is $h->{'x-forwarded-user'}, 'a383717599bf1893', 'the others are there';
--- error_log
limiting requests


=== TEST 11: portal.conf without its headers: the application would see what clients say, and the test would see that
--- example: portal
--- without
proxy_set_header\s+(?!Host)
vcita_oauth_header
--- before
underscores_in_headers on;
--- flow
my @names = qw( X-Forwarded-User X-Forwarded-Email X-Forwarded-Role X-Forwarded-Business X-Forwarded-For X-Forwarded-Host
                X-Forwarded-Port X-Forwarded-Proto X-Real-IP Forwarded Authorization );
my $b = at('portal.example.com');
is +(spoofed($b, '/assets/app.css', @names))[0], join(' ', sort @names), 'of nobody, at a public file';
$b->visit('/');
is +(spoofed($b, $_, @names))[0], join(' ', sort @names), "of alice, at $_" for '/', '/reports', '/assets/app.css';
ok((grep { defined $_->header('X_Forwarded_User') } stub->app_requests), 'with underscores, where they are let through');


=== TEST 12: portal.conf: garbage codes are limited, and another address logs in meanwhile
--- example: portal
--- flow
my $bad = at('portal.example.com', from => '127.0.0.2');
$bad->get('/');
my $crowd = crowd;
my $start = time;
$crowd->add($bad->tab, GET => $bad->callback_url(code => "garbage$_")) for 1 .. 150;
$crowd->start;
$crowd->until(sub { grep { $_ && $_->status == 429 } $crowd->answers }, 10, 'the limit to be reached');

my $b = at('portal.example.com', from => '127.0.0.3');
is $b->visit('/reports')->status, 200, 'another address logs in';
is seen($b->res)->{'x-forwarded-for'}, '127.0.0.3', 'from there';

my @status = map { $_->status } $crowd->finish;
my %n;
$n{$_}++ for @status;
my $most = 11 + (time - $start + 1) / 2;
cmp_ok $n{429} // 0, '>=', 150 - $most, "limited: $n{429}";
cmp_ok $n{302} // 0, '>=', 11, "passed, and back to vcita: $n{302}";
is $n{429} + $n{302}, 150, 'all of them';
my @garbage = grep { /^garbage/ } map { $_->fields->{code} } stub->requests('/oauth/token');
is scalar(@garbage), $n{302}, 'vcita was asked of those alone that passed';
is $bad->get('/assets/app.css')->status, 200, 'other paths are not limited';
--- error_log
limiting requests


=== TEST 13: api.conf: the page, then its calls: vcita's API gets the token of who is signed in, and what is named
--- example: api
--- log_level: info
--- flow
my $b = at('app.example.com');
is $b->get('/clients/17')->status, 302, 'nobody goes to vcita';
my @fetch = (headers => [ Accept => '*/*', 'Sec-Fetch-Site' => 'same-origin', 'Sec-Fetch-Mode' => 'cors' ]);
my $r = $b->get('/vcita-api/platform/v1/clients', @fetch);
is $r->status, 401, 'a call of nobody: 401, which the page handles';
is scalar($r->header('WWW-Authenticate')), 'Bearer realm="vcita"', 'with a challenge that no browser asks a password for';
is_deeply $r->set_cookies, [], 'and no login begins';

is $b->visit('/clients/17')->body, "the page\n", 'in, and the page for whatever address it has';
is scalar($b->res->header('Content-Type')), 'text/html', 'as a page';
is $b->get('/page.js')->body, "// the page's script\n", 'its files';
is scalar($b->res->header('Content-Type')), 'application/javascript', 'as what they are';
is scalar(stub->app_requests), 0, 'no call yet';

my ($token) = map { $_->header('Authorization') =~ /^Bearer (\S+)$/ } stub->requests('/oauth/userinfo');
like $token, qr/^[0-9a-f]{64}$/, 'the token that vcita gave';

$r = $b->get('/vcita-api/platform/v1/clients?per_page=10&q=a%26b', headers => [ Accept => 'application/json',
    Cookie => $b->jar->header('https://app.example.com/') . '; theirs=1', Referer => 'https://app.example.com/clients/17',
    'X-Forwarded-User' => 'a', 'X-Odd' => 'b', Range => 'bytes=0-1', 'Accept-Encoding' => 'gzip', TE => 'trailers' ]);
is $r->status, 200, 'a call';
is $r->json->{uri}, '/platform/v1/clients?per_page=10&q=a%26b', 'its address at vcita';
my ($got) = stub->app_requests;
is scalar($got->header('Authorization')), "Bearer $token", 'the token';
is scalar($got->header('Host')), 'api.vcita.biz', 'the host';
is join(' ', sort grep { $_ ne 'connection' } map { lc $_->[0] } @{ $got->{headers} }), 'accept authorization host user-agent',
    'and nothing else of the browser: no cookies';

$r = $b->post('/vcita-api/platform/v1/clients', undef, json => { name => 'Bob' },
    headers => [ Origin => 'https://app.example.com', 'Sec-Fetch-Site' => 'same-origin' ]);
is $r->json->{body}, '{"name":"Bob"}', 'a body';
is seen($r)->{'content-type'}, 'application/json', 'and its type';
is $b->request(DELETE => '/vcita-api/platform/v1/clients/a1')->json->{method}, 'DELETE', 'another method';

$r = $b->get('/vcita-api/platform/v1/clients/revoked/', @fetch);
is $r->status, 401, 'a token that vcita does not know any more: 401, too';
is plain($b->get('/login')->location), 'https://app.example.com/', '/login ends the session, and goes to the page';
is $b->hop->status, 302, 'which signs in';
is $b->follow->body, "the page\n", 'again';
is $b->get('/vcita-api/platform/v1/clients', @fetch)->status, 200, 'and its calls work';

is $b->get('/logout')->location, 'https://www.example.com/', 'out';
is $b->get('/vcita-api/platform/v1/clients', @fetch)->status, 401, 'and it holds';
is $b->get('/clients/17')->status, 302, 'for the page, too';


=== TEST 14: api.conf: the rule, and no part of the API but the one that is named
--- example: api
--- flow
my $b = at('app.example.com');
stub->next(user_claims(business_uid => 'another'));
is $b->visit('/')->status, 403, 'another business may not come in';
is $b->get('/vcita-api/platform/v1/clients')->status, 403, 'nor call the API';

$b = at('app.example.com');
is $b->visit('/')->status, 200, 'in';
is $b->get("/vcita-api$_")->status, 404, $_ for '/', '/oauth/token', '/platform/v1/tokens', '/platform/v1/apps',
    '/platform/v1/clientsecrets', '/platform/v1/clients/../tokens', '/platform/v1/clients/%2e%2e/tokens',
    '/platform/v1/clients/..%2ftokens', '/platform/v1/clients/..;/tokens', '/platform/v1/clients/%252e%252e/tokens',
    '/platform/v1/clients%0d%0aX:%20y', '/platform/v1/clients%3f', '/@evil.example.com/platform/v1/clients';
is $b->get('/vcita-api/../platform/v1/clients')->body, "the page\n", 'not of the API at all';
is scalar(stub->app_requests), 0, 'vcita saw none of it';
is $b->get('/x/..%2fvcita-api/platform/v1/clients/a-1/notes')->json->{uri}, '/platform/v1/clients/a-1/notes',
    'what nginx read is what vcita gets';
--- error_log
is not met


=== TEST 15: api.conf: calls in the page's name (CSRF): 403, whatever the method, with a session and without
--- example: api
--- flow
my $b = at('app.example.com');
my $none = at('app.example.com');
is $b->visit('/')->status, 200, 'in';

my $ours = 'https://app.example.com';
for ([ 200, 'same-origin', undef ], [ 200, 'same-origin', $ours ], [ 200, undef, $ours ], [ 200, undef, undef ],
     [ 403, 'cross-site', undef ], [ 403, 'cross-site', $ours ], [ 403, 'cross-site', 'https://evil.example.org' ],
     [ 403, 'same-site', undef ], [ 403, 'same-site', 'https://blog.example.com' ], [ 403, 'none', undef ],
     [ 403, 'same-origin', 'https://evil.example.org' ], [ 403, 'same-origin', 'null' ], [ 403, 'odd', $ours ],
     [ 403, undef, 'null' ], [ 403, undef, 'https://evil.example.org' ], [ 403, undef, 'https://app.example.com.evil.org' ],
     [ 403, undef, 'https://blog.example.com' ], [ 403, undef, 'http://app.example.com' ], [ 403, undef, 'https://app.example.com:8443' ],
     [ 403, undef, "$ours $ours" ])
{
    my ($status, $site, $origin) = @$_;
    my @h = ((defined $site ? ('Sec-Fetch-Site' => $site, 'Sec-Fetch-Mode' => 'cors') : ('X-Requested-With' => 'XMLHttpRequest')),
             defined $origin ? (Origin => $origin) : ());
    for my $method (qw( GET POST PUT PATCH DELETE OPTIONS )) {
        my $what = "$method, Sec-Fetch-Site " . ($site // '-') . ', Origin ' . ($origin // '-');
        my $n = stub->app_requests;
        is $b->request($method => '/vcita-api/platform/v1/clients', headers => \@h)->status, $status, $what;
        is stub->app_requests - $n, $status == 200 ? 1 : 0, 'what vcita got of it';
        is $none->request($method => '/vcita-api/platform/v1/clients', headers => \@h)->status, $status == 200 ? 401 : 403,
            "nobody: $what";
    }
}
$b->modern(1);
is $b->get('/page.js', cross_site => 1)->status, 200, 'the page itself can be linked to';

my ($cookie) = grep { /^__Host-vcita_session=/ } map { @{ $_->set_cookies } } $b->answers;
like $cookie, qr/; SameSite=Lax\b/, 'the session cookie is SameSite=Lax';


=== TEST 16: api.conf: the token never appears in any answer to the browser, in a cookie or in a log
--- example: api
--- log_level: info
--- flow
my @names = qw( Authorization X-Forwarded-User Cookie2 Proxy-Authorization );
my $b = at('app.example.com');
$b->visit('/');
my ($token) = map { $_->header('Authorization') =~ /^Bearer (\S+)$/ } stub->requests('/oauth/userinfo');

for my $path ('clients', 'clients/a1', 'clients/revoked/', 'tokens') {
    for my $method (qw( GET HEAD POST PUT PATCH DELETE OPTIONS TRACE FOO )) {
        $b->request($method => "/vcita-api/platform/v1/$path", body => $method =~ /^P/ ? 'a' : undef);
    }
}
is $b->request(TRACE => '/vcita-api/platform/v1/clients')->status, 405, 'TRACE is refused';
is scalar(grep { $_->{method} eq 'TRACE' } stub->app_requests), 0, 'and not passed on';
my ($found, $n) = spoofed($b, '/vcita-api/platform/v1/clients', @names);
is $found, '', 'what the browser says of itself does not reach vcita';
cmp_ok $n, '>=', 20, "in $n requests";

my $r = $b->get('/vcita-api/platform/v1/clients/elsewhere/');
is $r->body, 'theirs', 'an answer of vcita sends nginx nowhere';
is_deeply [ map { $b->get("/vcita-api/platform/v1/$_")->header('Set-Cookie') } 'clients', 'clients/revoked/' ], [],
    'nor sets a cookie here';

$b->get('/login');
$b->follow;
$b->get('/logout');
wait_for { access_log() =~ m{"GET /logout } } 5, 'the last of it in the log';
my $all = everything($b);
cmp_ok length $all, '>', 20000, 'all that was answered and logged: ' . length $all;
like $all, qr/\(as it should be\)/, 'vcita saw the token';
is tells($all, $token), '', 'nobody else did';


=== TEST 17: api.conf without what hides it: the token would be seen, and the test would see that
--- example: api
--- without
proxy_hide_header
proxy_ignore_headers
--- log_level: info
--- flow
my $b = at('app.example.com');
$b->visit('/');
my ($token) = map { $_->header('Authorization') =~ /^Bearer (\S+)$/ } stub->requests('/oauth/userinfo');
is tells(everything($b), $token), '', 'not yet';
my $r = $b->get('/vcita-api/platform/v1/clients');
like tells(join("\n", $r->header('Set-Cookie')), $token), qr/\btext\b/, 'in a cookie';
like tells(join("\n", $r->header('Authorization')), $token), qr/\btext\b/, 'in a header';
like tells($b->get('/vcita-api/platform/v1/clients/telltale/')->body, $token), qr/\btext\b/, 'in a body, which no proxy can hide';
is $b->get('/vcita-api/platform/v1/clients/elsewhere/')->body, "// the page's script\n", 'an answer that sends nginx elsewhere';
like tells('x' . MIME::Base64::encode_base64("ab$token", ''), $token), qr/base64/, 'encoded';
like tells(everything($b), $token), qr/\btext\b/, 'so in everything';


=== TEST 18: api.conf: the token is sent to vcita alone: another authority's certificate is 502, and nothing was sent
--- example: api
--- other_ca
--- flow
my $b = at('app.example.com');
is $b->visit('/')->status, 200, 'in';
is $b->get('/vcita-api/platform/v1/clients')->status, 502, 'no call';
is scalar(stub->app_requests), 0, 'and no token';
--- error_log
upstream SSL certificate verify error


=== TEST 19: api.conf: nor to another name's
--- example: api
--- other_name
--- flow
my $b = at('app.example.com');
is $b->visit('/')->status, 200, 'in';
is $b->get('/vcita-api/platform/v1/clients')->status, 502, 'no call';
is scalar(stub->app_requests), 0, 'and no token';
--- error_log
upstream SSL certificate does not match "api.vcita.biz"


=== TEST 20: the README's configuration: what a client says of itself never reaches the application
--- example: README
--- flow
my @names = qw( X-Forwarded-User X-Forwarded-Email Authorization );
my $b = at('portal.example.com');
is_deeply [ spoofed($b, '/', @names) ], [ '', 0 ], 'nobody: it sees nothing at all';
is $b->visit('/')->status, 200, 'in';
my ($found, $n) = spoofed($b, '/', @names);
is $found, '', 'alice';
cmp_ok $n, '>=', 18, "in $n requests";


=== TEST 21: optional.conf: what a client says of itself never reaches the application
--- example: optional
--- flow
my @names = qw( X-Forwarded-User Authorization );
my $b = at('portal.example.com');
# the limit of the callback is that of an address
my $other = at('portal.example.com', from => '127.0.0.2');
is_deeply [ spoofed(/callback/ ? $other : $b, $_, @names) ], [ '', 0 ], "nobody, $_: it sees nothing at all"
    for '/account/', '/login', '/oauth/callback', '/logout';
for my $who ('nobody', 'alice') {
    for my $path ('/', '/page', $who eq 'alice' ? '/account/' : ()) {
        my ($found, $n) = spoofed($b, $path, @names);
        is $found, '', "$who, $path";
        cmp_ok $n, '>=', 18, "in $n requests";
    }
    is $b->visit('/login')->status, 200, 'in';
}
--- error_log
limiting requests


=== TEST 22: multi-domain.conf: what a client says of itself never reaches the application
--- example: multi-domain
--- flow
my @names = qw( X-Forwarded-User Authorization );
my $b = at('spa.example.com');
is_deeply [ spoofed($b, '/', @names) ], [ '', 0 ], 'nobody: it sees nothing at all';
is $b->visit('/')->status, 200, 'in';
my ($found, $n) = spoofed($b, '/', @names);
is $found, '', 'alice';
cmp_ok $n, '>=', 18, "in $n requests";


=== TEST 23: end-sessions.conf: what a client says of itself never reaches the application
--- example: end-sessions
--- flow
my @names = qw( X-Forwarded-User Authorization );
my $b = at('portal.example.com');
is_deeply [ spoofed($b, '/', @names) ], [ '', 0 ], 'nobody: it sees nothing at all';
is $b->visit('/')->status, 200, 'in';
my ($found, $n) = spoofed($b, '/', @names);
is $found, '', 'alice';
cmp_ok $n, '>=', 18, "in $n requests";


=== TEST 24: forward-auth.conf: another nginx asks the gate over HTTP, by auth_request: 401, 204, who it is, and back
--- example: forward-auth
--- flow
my $b = at('app.example.com');
my $r = $b->get('/reports?a=b&c=%20d', headers => [ 'X-Forwarded-User' => 'admin@example.biz', 'Sec-Fetch-Mode' => 'cors' ]);
is $r->status, 401, 'a script gets 401';
is $r->header('WWW-Authenticate'), 'Bearer realm="vcita"', 'the challenge';
is $b->post('/reports', { a => 1 })->status, 401, 'a form, too';
is_deeply $b->res->set_cookies, [], 'no cookie';
is scalar(stub->app_requests), 0, 'the application was not asked';

$r = $b->get('/reports?a=b&c=%20d', headers => [ 'Sec-Fetch-Mode' => 'navigate' ]);
is $r->status, 302, 'a page is sent to sign in';
is $r->location, 'https://auth.example.com/start?rd=https://app.example.com/reports?a=b&c=%20d', 'at the host that can';
$b->hop;
is $b->res->status, 302, 'which sends it to vcita';
$r = $b->follow;
is $r->status, 200, 'in';
is $r->url, 'https://app.example.com/reports?a=b&c=%20d', 'at the address first asked for, byte for byte';
is user($r), 'a383717599bf1893', 'the application knows who it is';
is seen($r)->{'x-forwarded-role'}, 'owner', 'and their role';
is seen($r)->{cookie}, undef, 'and not the session';
is $r->header('Cache-Control'), 'private', 'for no shared cache';

my $session = $b->cookie('__Secure-vcita_session');
for ([ "__Secure-vcita_session=$session; a=1; b=2", 'a=1; b=2' ], [ "a=1; __Secure-vcita_session=$session; b=2", 'a=1; b=2' ],
     [ "a=1;__Secure-vcita_session=$session", 'a=1' ], [ "x__Secure-vcita_session=1; __Secure-vcita_session=$session", 'x__Secure-vcita_session=1' ])
{
    my $c = at('app.example.com');
    is seen($c->get('/', headers => [ Cookie => $_->[0] ]))->{cookie}, $_->[1], "other cookies pass: $_->[1]";
}
$r = $b->post('/reports', { a => 1 });
is $r->status, 200, 'a form with a session';
is $r->json->{body}, 'a=1', 'arrives';
is $b->get('/', headers => [ 'If-Match' => '"x"', 'If-None-Match' => '*', Range => 'bytes=0-1', Authorization => 'Bearer x' ])->status, 200,
    'no header of the client changes the answer of /check';
is $b->get('/_check')->status, 404, 'the question itself is internal';

my @names = qw( X-Forwarded-User X-Forwarded-Role Authorization );
for my $who ('alice', 'nobody') {
    my ($found, $n) = spoofed($b, '/', @names);
    is $found, '', "$who: what a client says of itself never reaches the application";
    $b->get('https://auth.example.com/logout');
}
is $b->get('/', headers => [ 'Sec-Fetch-Mode' => 'cors' ])->status, 401, 'out';


=== TEST 25: forward-auth.conf: who may not come in; where /start leads
--- example: forward-auth
--- error_log
is not met
--- flow
stub->next(user_claims(business_uid => 'another'));
my $b = at('app.example.com');
my $r = $b->visit('/', headers => [ 'Sec-Fetch-Mode' => 'navigate' ]);
is $r->status, 403, 'another business has no access';
like $r->url, qr{^https://auth\.example\.com/start}, 'as the gate says';
like $r->body, qr{may not come in|don't have access}, 'on its own page';
my ($again) = $r->body =~ /href="([^"]*)"/;
is $b->get('/', headers => [ 'Sec-Fetch-Mode' => 'cors' ])->status, 403, 'a script gets 403';
is $b->get('/', headers => [ 'Sec-Fetch-Mode' => 'navigate' ])->location, 'https://auth.example.com/start?rd=https://app.example.com/',
    'a page is sent there, and no further';
$b->get($again =~ s/&amp;/&/gr);
is $b->follow->url, 'https://app.example.com/', 'as another account it goes back to where it began';

$b->get("https://auth.example.com/start?$_"), is $b->res->location, 'https://www.example.com/', "/start?$_"
    for '', 'rd=', 'rd=https://evil.example/', 'rd=//evil.example/', 'rd=https://app.example.com.evil.example/', 'rd=https://app.example.com@evil.example/',
        'rd=http://app.example.com/', 'rd=https://app.example.com', 'x=1&rd=https://app.example.com/', 'rd=https://evil.example/?https://app.example.com/',
        'rd=https%3A%2F%2Fapp.example.com%2F', "rd=https://app.example.com/\xff", 'rd=javascript:alert(1)', 'rd=https://app.example.com:8443/';
for (qw( https://app.example.com/ https://wiki.example.com/a//b?c=d&e=%0d%0aX:y#f )) {
    my $to = s/#.*//r;
    is $b->get("https://auth.example.com/start?rd=$to")->location, $to, "/start?rd=$to";
}


=== TEST 26: forward-auth.conf: as ingress-nginx and Traefik ask
--- example: forward-auth
--- before
# what ingress-nginx makes of the annotations in docs/operations.md
server {
    listen $TEST_NGINX_RAND_PORT_1 ssl;
    server_name wiki.example.com;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    location = /_external-auth-Lw-Prefix {
        internal;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-Forwarded-Proto "";
        proxy_set_header X-Request-ID $request_id;
        proxy_set_header Host auth.example.com;
        proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
        proxy_set_header X-Original-Method $request_method;
        proxy_set_header X-Sent-From "nginx-ingress-controller";
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Auth-Request-Redirect $request_uri;
        proxy_buffering off;
        proxy_pass_request_headers on;
        set $target http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/check;
        proxy_pass $target;
    }
    location @sign-in {
        internal;
        add_header Set-Cookie $auth_cookie;
        return 302 https://auth.example.com/start?rd=https://$http_host$request_uri;
    }
    location / {
        auth_request /_external-auth-Lw-Prefix;
        auth_request_set $auth_cookie $upstream_http_set_cookie;
        add_header Set-Cookie $auth_cookie;
        auth_request_set $authHeader0 $upstream_http_x_forwarded_user;
        proxy_set_header X-Forwarded-User $authHeader0;
        auth_request_set $authHeader1 $upstream_http_x_forwarded_role;
        proxy_set_header X-Forwarded-Role $authHeader1;
        error_page 401 = @sign-in;
        proxy_pass $VCITA_APP;
    }
}
--- error_log
is not met
--- flow
my $b = at('wiki.example.com');
my $r = $b->visit('/a?b=c&d');
is $r->status, 200, 'ingress-nginx: in';
is $r->url, 'https://wiki.example.com/a?b=c&d', 'at the address first asked for';
is user($r), 'a383717599bf1893', 'the application knows who it is';
for my $method (qw( GET PUT POST DELETE )) {
    is $b->request($method, '/a', headers => [ 'If-Match' => '"x"', 'If-None-Match' => '*', 'If-Modified-Since' => 'Mon, 28 Sep 1970 06:00:00 GMT',
        Range => 'bytes=0-1', 'X-Forwarded-User' => 'admin@example.biz', Upgrade => 'x' ])->status, 200, "$method: no header of the client changes that";
    is user($b->res), 'a383717599bf1893', "$method: nor who it is";
}

# Traefik sends the client's headers and its own, and passes on what is not 2xx
my $traefik = sub {
    my ($b, $method, $host, $uri, @headers) = @_;
    return $b->get('https://auth.example.com/check/traefik', headers => [ @headers, 'X-Forwarded-Method' => $method,
        'X-Forwarded-Proto' => 'https', 'X-Forwarded-Host' => $host, 'X-Forwarded-Uri' => $uri ]);
};
my @page = ('Sec-Fetch-Mode' => 'navigate', Accept => 'text/html');
$b = at('auth.example.com');
$r = $traefik->($b, 'GET', 'app.example.com', '/a?b=c&d', @page);
is $r->status, 302, 'Traefik: a page';
is $r->location, 'https://auth.example.com/start?rd=https://app.example.com/a?b=c&d', 'is sent to sign in';
is $traefik->($b, @$_)->status, 401, "Traefik: $_->[0] @$_[3 .. $#$_]" for [ 'POST', 'app.example.com', '/', @page ],
    [ 'GET', 'app.example.com', '/', 'Sec-Fetch-Mode' => 'cors', Accept => '*/*' ];
is $b->get('/start?rd=https://app.example.com/a?b=c&d')->status, 302, 'a login';
$b->hop;
$b->hop;
is $b->hop->location, 'https://app.example.com/a?b=c&d', 'back';
$r = $traefik->($b, 'POST', 'app.example.com', '/');
is $r->status, 204, 'Traefik: signed in';
is $r->header('X-Forwarded-User'), 'a383717599bf1893', 'as somebody';
is $r->header('X-Forwarded-Role'), 'owner', 'with a role';

stub->next(user_claims(business_uid => 'another'));
$b = at('auth.example.com');
is $b->visit('/start?rd=https://app.example.com/')->status, 403, 'another business';
$r = $traefik->($b, 'GET', 'app.example.com', '/', @page);
is $r->status, 302, 'Traefik: a page is sent to where it is said';
is $r->location, 'https://auth.example.com/start?rd=https://app.example.com/', 'and no further';
$r = $traefik->($b, 'GET', 'app.example.com', '/', 'Sec-Fetch-Mode' => 'cors');
is $r->status, 403, 'Traefik: a script gets 403';
is $r->header('X-Forwarded-User'), undef, 'and nobody';


=== TEST 27: pages.conf: one's own error pages say who was refused, in the browser's language, and lead to another account
--- example: pages
--- flow
my $hostile = q{"><script>alert('1')</script>&amp;@evil.example};
my $shown = '&quot;&gt;&lt;script&gt;alert(\'1\')&lt;/script&gt;&amp;amp;@evil.example';
for ([ 'en-US,en;q=0.9,es;q=0.8', 'en', 'Sign in as another account' ], [ 'es-MX,es;q=0.9,en;q=0.8', 'es', 'Iniciar sesi' ],
     [ 'fr, es;q=0.5', 'es', 'Iniciar sesi' ], [ 'fr', 'en', 'Sign in as another account' ])
{
    my ($accept, $lang, $link) = @$_;
    my $b = at('portal.example.com');
    my @accept = (headers => [ 'Accept-Language' => $accept ]);
    stub->next(user_claims(business_uid => 'another', email => $hostile));
    $b->visit('/reports?a=1&b=2');
    my $r = $b->get('/reports?a=1&b=2', @accept);
    is $r->status, 403, "$accept: refused";
    like $r->body, qr/<html lang="$lang">/, "$accept: $lang";
    like $r->body, qr/<strong>\Q$shown\E<\/strong>/, "$accept: who, escaped";
    unlike $r->body, qr/<script|echo var|<!--/, "$accept: and nothing else of it";
    like $r->body, qr/not_allowed/, "$accept: the code";
    is $r->header('Cache-Control'), 'no-store', "$accept: for no cache";
    is scalar(stub->app_requests), 0, "$accept: the application was not asked";

    my ($href) = $r->body =~ /<a href="([^"]+)">\Q$link\E/;
    like $href, qr/&amp;prompt=login&amp;/, "$accept: the link, escaped";
    $b->get($href =~ s/&amp;/&/gr);
    $r = $b->follow;
    is $r->status, 200, "$accept: in as another account";
    is $r->json->{uri}, '/reports?a=1&b=2', "$accept: where it was refused";
    is user($r), 'a383717599bf1893', "$accept: by that name";
    stub->reset;
}

my $b = at('portal.example.com');
my $r = $b->request(POST => '/reports', body => '{}', headers => [ Accept => 'application/json' ]);
is $r->status, 401, 'no session: 401';
is $r->body, "sign in first\n", 'one line for a program';
$r = $b->request(POST => '/reports', body => 'a=1', headers => [ Accept => 'text/html', 'Accept-Language' => 'es' ]);
is $r->status, 401, 'a form: 401, too';
like $r->body, qr/<html lang="es">.*<a href="\/"/s, 'with a page';
like $r->header('WWW-Authenticate'), qr/^Bearer/, 'and its challenge';
$b->get('/reports');
$r = $b->come_back(error => 'access_denied');
is $r->status, 403, 'who says no at vcita: 403';
like $r->body, qr/You were not signed in.*<a href="\/">Sign in<\/a>.*access_denied/s, 'a page that fits';
unlike $r->body, qr/another account/, 'without another account';
$b->get('/reports');
$r = $b->come_back(error => 'server_error');
is $r->status, 502, 'a login that fails: 502';
like $r->body, qr/Something went wrong.*server_error/s, 'a page that fits';
is $b->get('/pages/denied.html')->status, 404, 'nobody asks for a page itself';

is $b->visit('/reports')->status, 200, 'in';
$r = $b->get('/switch');
like $r->location, qr/&prompt=login&/, '/switch: out, and to vcita';
is $b->follow->status, 200, 'and in again';
--- error_log
is not met


=== TEST 28: audit-log.conf: one login, one logout, one refusal, one revocation: four lines of JSON with who it was
--- example: audit-log
--- flow
my $hostile = qq~a"b\\',"event":"x"}</script>\x{e9}\x{2028}\@example.biz~;
my %by = map { $_ => at('portal.example.com') } qw( out refused revoked );
for my $who (sort keys %by) {
    stub->next(user_claims(email => $hostile, $who eq 'refused' ? (business_uid => 'another') : (), name => "drop\nped"));
    $by{$who}->visit("/$who");
}
my ($token) = map { substr $_->header('Authorization'), 7 } (stub->requests('/oauth/userinfo'))[-1];
my @line;
my $lines = sub {
    my ($n) = @_;
    wait_for { @line = audit_lines(); @line >= $n } 5, "$n lines";
    return scalar @line;
};
my $before = $lines->(4);                       # three logins, the first refusal
is $before, 4, 'one of each request';

is at('portal.example.com')->get('/none')->status, 302, 'no session is no event';
is $by{out}->get('/page')->status, 200, 'nor is a request that is let in';

stub->next(user_claims(email => $hostile));
is at('portal.example.com')->visit("/in?token=$token")->status, 200, 'a login';
is $by{refused}->get("/caf\xe9?token=$token")->status, 403, 'a refusal';
stub->userinfo($token, { status => 401 });
my $r;
wait_for { $r = $by{revoked}->get('/page'); $r->status == 302 } 9, 'a revocation';
is $by{out}->get('/logout')->status, 200, 'a logout';
is $lines->($before + 4), $before + 4, 'four lines';
splice @line, 0, $before;

my @got = map { JSON::PP->new->utf8->decode($_) } @line;
is join(' ', map { $_->{event} } @got), 'login refused revoked logout', 'in this order';
is join(' ', map { $_->{status} } @got), '303 403 302 200', 'their answers';
is join(' ', map { $_->{path} } @got), '/oauth/callback /caf /page /logout', 'where, without a query';
is join(' ', map { $_->{error} } @got), ' not_allowed  ', 'why';
for (@got) {
    is $_->{account}, $hostile, "$_->{event}: the account, as vcita has it";
    is $_->{sub}, 'a383717599bf1893', "$_->{event}: the sub";
    is $_->{business}, $_->{event} eq 'refused' ? 'another' : 'ed469f8764326a66', "$_->{event}: the business";
    like $_->{session}, qr/^[0-9a-f]{16}$/, "$_->{event}: the session";
    is $_->{address}, '127.0.0.1', "$_->{event}: the address";
}
my %session = map { $_->{session} => 1 } @got;
is scalar(keys %session), 4, 'four sessions';
is tells(join("\n", audit_lines()), $token), '', 'no token in any line';

my $said = signed_in_on($got[0]{time} =~ s/T.*//r);
is scalar(() = $said =~ /\Q$hostile\E/g), 4, "jq: that day's four logins";
is signed_in_on('2020-01-06'), '', 'jq: none on another day';
--- error_log
is not met


=== TEST 29: embedded.conf: from the launch to the application's page, which is told who it is by vcita's word
--- example: embedded
--- flow
my $query = 'business_uid=ed469f8764326a66&staff_uid=a&language=he&brand_host=app.vcita.com&q=%D7%A9+%26&q=';
my $b = at('app.example.com');
my $r = $b->get("/oauth/callback?$query");
is $r->status, 303, 'a launch';
is plain($r->location), "https://app.example.com/open?$query", 'to vcita_oauth_launch, the query byte for byte';
$r = $b->follow;
is $r->status, 200, 'in';
is $r->json->{uri}, "/open?$query", 'at the address of the launch';
my $h = seen($r);
is $h->{$_->[0]}, $_->[1], $_->[0] for [ 'x-vcita-business', 'ed469f8764326a66' ], [ 'x-vcita-staff', 'a383717599bf1893' ],
    [ 'x-vcita-role', 'owner' ], [ authorization => undef ], [ cookie => undef ];

for my $cookie (map { @{ $_->set_cookies } } $b->answers) {
    my ($name) = split /=/, $cookie;
    like $cookie, qr/; SameSite=None/, "$name: SameSite=None";
    like $cookie, qr/; Secure/, "$name: Secure";
    like $cookie, qr/; Partitioned/, "$name: Partitioned";
}
is scalar(grep { @{ $_->set_cookies } } $b->answers) > 1, 1, 'both cookies were set';

my ($found, $n) = spoofed($b, '/data', qw( X-Vcita-Business X-Vcita-Staff X-Vcita-Role Authorization ));
is $found, '', 'what a client says of itself never reaches the application';
cmp_ok $n, '>=', 9, "in $n requests";


=== TEST 30: embedded.conf: a listed brand has its people at its own host; a forged brand_host goes to the default host
--- example: embedded
--- flow
my $to = sub { at('app.example.com')->get("/open?business_uid=ed469f8764326a66$_[0]")->location =~ m{^https?://([^/]+)/app/oauth/authorize\?} ? $1 : 'nowhere' };
my $default = $to->('');
like $default, qr/^127\.0\.0\.1:\d+$/, 'vcita';
is $to->('&brand_host=clients.partner.example'), 'clients.partner.example', 'a partner';
is $to->("&brand_host=$_"), $default, "brand_host=$_" for 'evil.example', 'clients.partner.example.evil.example',
    'clients.partner.example:1', 'evil.example/clients.partner.example', 'clients.partner.example@evil.example',
    'evil.example%2f', '$host', '$vcita_host', 'https://clients.partner.example', 'evil.example&brand_host=clients.partner.example';

my $b = at('app.example.com');
is $b->visit('/open?business_uid=ed469f8764326a66')->status, 200, 'a session of one business';
my $r = $b->get('/oauth/callback?business_uid=another&brand_host=clients.partner.example');
is $r->status, 302, 'a launch for another needs a login';
like $r->location, qr{^http://clients\.partner\.example/}, 'at the host of its brand';


=== TEST 31: embedded.conf: no other site shows it in a frame, or changes something in a person's name
--- example: embedded
--- flow
my $b = at('app.example.com');
$b->visit('/open?business_uid=ed469f8764326a66');
is $b->res->status, 200, 'in';
my $want = 'frame-ancestors https://app.vcita.com https://clients.partner.example';
is scalar($_->header('Content-Security-Policy')), $want, $_->url for grep { plain($_->url) =~ m{^https://app} } $b->answers;
is scalar(grep { $_ eq $want } $b->get($_)->header('Content-Security-Policy')), 1, $_ for '/oauth/callback?code=x', '/oauth/callback?a=b';

my %of = (200 => [ [ 'Sec-Fetch-Site' => 'same-origin' ], [ Origin => 'https://app.example.com' ] ],
    403 => [ [], [ 'Sec-Fetch-Site' => 'cross-site' ], [ 'Sec-Fetch-Site' => 'same-site' ], [ 'Sec-Fetch-Site' => 'none' ],
        [ Origin => 'https://evil.example' ], [ Origin => 'null' ], [ Origin => 'https://app.example.com.evil.example' ],
        [ Origin => 'http://app.example.com' ], [ 'Sec-Fetch-Site' => 'cross-site', Origin => 'https://app.example.com' ] ]);
for my $status (sort keys %of) {
    for my $headers (@{ $of{$status} }) {
        for my $method (qw( POST PUT DELETE )) {
            is $b->request($method => '/data', headers => $headers)->status, $status, "$method, @$headers";
        }
    }
}
is $b->get('/data', headers => [ 'Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Mode' => 'navigate' ])->status, 200, 'a link to it works';
--- error_log
vcita callback refused


=== TEST 32: balancer.conf: behind a balancer that ends TLS: in by https, redirects without http or a port, each client its own limit
--- example: balancer
--- before eval: main::balancer(1)
--- flow
stub->always({ userinfo => { set => { business_uid => 'ed469f8764326a66' } } });
my $b = at('portal.example.com', from => '127.0.0.2');
my $r = $b->visit('/reports', headers => [ 'X-Forwarded-For' => '127.0.0.1', 'X-Forwarded-User' => 'admin' ]);
is $r->status, 200, 'in';
is plain($r->url), 'https://portal.example.com/reports', 'by https';
is user($r), 'a383717599bf1893', 'by account';
my $seen = seen($r);
is $seen->{'x-forwarded-proto'}, 'https', 'the application hears of https';
is $seen->{'x-real-ip'}, '127.0.0.2', 'and of the client, whatever it says of itself';

my $flood = at('portal.example.com', from => '127.0.0.3');
my %status;
$status{ $flood->get('/oauth/callback?code=x&state=y')->status }++ for 1 .. 14;
is $status{429}, 14 - $status{400}, 'one client is limited';
cmp_ok $status{429}, '>=', 2, 'after ten';
is at('portal.example.com', from => '127.0.0.4')->visit('/')->status, 200, 'another one signs in';

$r = browser(base => 'http://10.0.0.1', resolve => { '10.0.0.1' => '127.0.0.1:' . rand_port(2) })->get('/healthz');
is $r->status, 200, 'the health check needs no login';
is $r->body, "ok\n", 'and no page';
is browser(base => 'http://10.0.0.1', resolve => { '10.0.0.1' => '127.0.0.1:' . rand_port(2) })->get('/')->status, 404, 'nothing else is there';
--- error_log
limiting requests


=== TEST 33: embedded.conf: a signed token opens /api/ and nothing else, without a cookie; the application is told who acts for whom
--- example: embedded
--- flow
stub->always({ keys => { json => client_jwks('rsa') } });
my $b = at('app.example.com');
my $token = sub { return [ Authorization => 'Bearer ' . signed_token('rsa', {}, {@_}) ] };

my $r = $b->request(POST => '/api/orders', headers => [ @{ $token->(actor_uid => '300', actor_type => 'admin') }, Origin => 'https://pages.example.net',
    'Sec-Fetch-Site' => 'cross-site' ]);
is $r->status, 200, 'in, from a page of another host';
my $h = seen($r);
is $h->{$_->[0]}, $_->[1], $_->[0] for [ 'x-vcita-business', 'ed469f8764326a66' ], [ 'x-vcita-staff', 'a383717599bf1893' ],
    [ 'x-vcita-actor', '300' ], [ 'x-vcita-role', undef ], [ authorization => undef ], [ cookie => undef ];
is scalar(map { @{ $_->set_cookies } } $b->answers), 0, 'no cookie';

is $b->get('/api/', headers => $token->(aud => 'anotherapp'))->status, 401, "another app's token";
is $b->get('/api/', headers => [ Authorization => 'Bearer ' . 'a' x 64 ])->status, 401, 'an opaque token';
is $b->get('/open', headers => $token->())->status, 401, 'a page by token';
is $b->get('/api/', headers => [ Accept => 'text/html', 'Sec-Fetch-Mode' => 'navigate' ])->status, 401, 'neither: no login starts here';
my ($found, $n) = spoofed($b, '/api/', qw( X-Vcita-Business X-Vcita-Staff X-Vcita-Role X-Vcita-Actor Authorization ));
is $found, '', 'what a client says of itself never reaches the application';
is scalar(stub->requests('/oauth/token')), 0, 'vcita was not asked';

$b->visit('/open?business_uid=ed469f8764326a66');
is $b->res->status, 200, 'a session';
is $b->get('/api/orders')->status, 200, 'its cookie opens /api/, too';
is seen($b->res)->{'x-vcita-role'}, 'owner', 'with its role';
is $b->request(POST => '/api/orders', headers => [ 'Sec-Fetch-Site' => 'same-origin' ])->status, 200, 'a page of the site changes something';
my @cross = ('Sec-Fetch-Site' => 'cross-site', Origin => 'https://pages.example.net');
is $b->request(POST => '/api/orders', headers => [ @cross, @$_ ])->status, 403, "another site's page does not, @$_" for [], [ Authorization => 'Basic YTpi' ],
    [ Authorization => 'Bearer' ], [ Authorization => "Bearer\tx" ], [ Authorization => 'Bearerx y' ];
is $b->request(POST => '/api/orders', headers => [ @cross, Authorization => $_ ])->status, 401, "nor with a made-up token: $_" for 'Bearer x', 'bearer  x', 'BEARER x.y.z';

is at('app.example.com')->get('/app/')->body, "the page\n", 'the files of a single-page app are for all';
is scalar(at('app.example.com')->get('/app/page.js')->header('Content-Type')), 'application/javascript', 'a browser takes its modules';
is scalar(grep { /frame-ancestors https:/ } at('app.example.com')->get('/app/')->header('Content-Security-Policy')), 1, 'to be framed by vcita alone';
--- error_log
the Bearer token of the request was refused


=== TEST 34: embedded.conf: a CORS preflight is answered before the gate, for listed origins alone, and never reaches the application
--- example: embedded
--- upstream
--- before
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    add_header Access-Control-Allow-Origin https://evil.example;
    add_header Access-Control-Allow-Credentials true;
    location / { proxy_pass $VCITA_APP; }
}
--- flow
stub->always({ keys => { json => client_jwks('rsa') } });
my $b = at('app.example.com');
my $cors = sub { my ($r) = @_; join ' ', map { my $name = $_; map { "$name: $_" } $r->header("Access-Control-Allow-$name") } qw( Origin Methods Headers Credentials ) };
my @token = (Authorization => 'Bearer ' . signed_token('rsa'));

for my $more ([], \@token, [ 'X-HTTP-Method-Override' => 'DELETE' ]) {
    my $r = $b->request(OPTIONS => '/api/orders', headers => [ Origin => 'https://pages.example.net',
        'Access-Control-Request-Method' => 'DELETE', 'Access-Control-Request-Headers' => 'authorization', @$more ]);
    is $r->status . $r->body, '204', 'answered, with nothing in it';
    is $cors->($r), 'Origin: https://pages.example.net Methods: GET, POST, PUT, PATCH, DELETE Headers: Authorization, Content-Type, Last-Event-ID', 'a listed origin';
    is scalar($r->header('Vary')), 'Origin', 'Vary';
}
my @others = ('https://evil.example', 'null', 'http://pages.example.net', 'https://pages.example.net.evil.example', 'https://pages.example.net:8443',
    'https://evil.example/https://pages.example.net', 'https://app.vcita.com', '');
for my $origin (@others) {
    my $r = $b->request(OPTIONS => '/api/orders', headers => [ Origin => $origin, 'Access-Control-Request-Method' => 'GET' ]);
    is $r->status . ' ' . $cors->($r), '204 ', "not listed: $origin";
}
is $cors->($b->request(OPTIONS => '/api/orders')), '', 'no origin at all';
is scalar(stub->app_requests), 0, 'the application got none of them';

my @listed = (Origin => 'https://pages.example.net');
for ([ 200, @token ], [ 401 ], [ 401, Authorization => 'Bearer x' ]) {
    my ($status, @headers) = @$_;
    my $r = $b->get('/api/orders', headers => [ @listed, @headers ]);
    is $r->status . ' ' . $cors->($r), "$status Origin: https://pages.example.net", "$status: a page of a listed origin can read it";
    is $cors->($b->get('/api/orders', headers => [ Origin => $_, @headers ])), '', "$status: not one of '$_'" for @others;
}
is scalar($b->get('/api/orders', headers => \@token)->header('Content-Security-Policy')), "frame-ancestors 'none'", 'no page shows it in a frame';
--- error_log
the Bearer token of the request was refused


=== TEST 35: balancer.conf: nginx's own redirects name neither http nor its port
--- example: balancer
--- before eval: main::balancer(1)
--- within
        location /files/ {
            proxy_pass  $VCITA_APP;
        }
--- flow
stub->always({ userinfo => { set => { business_uid => 'ed469f8764326a66' } } });
my $b = at('portal.example.com');
$b->visit('/');
my $r = $b->get('/files');
is $r->status, 301, 'a redirect of nginx';
is $r->header('Location'), '/files/', 'a path alone';


=== TEST 36: balancer.conf: a large session passes a balancer that is nginx with a proxy_buffer_size of 8k, not one of 4k
--- example: balancer
--- before eval: main::balancer(1, 'proxy_buffer_size 8k;') . main::balancer(3)
--- flow
stub->always({ userinfo => { set => { business_uid => 'ed469f8764326a66', map { ("claim_$_" => join '', map { chr 48 + rand 10 } 1 .. 200) } 1 .. 20 } } });
my $address = '/?' . 'x' x 1000;
my $b = at('portal.example.com');
is $b->visit($address)->status, 200, 'in';
my ($session) = grep { /^__Host-vcita_session$/ } $b->cookies;
cmp_ok length($b->cookie($session)), '>', 3000, 'with a large session';

$b = at('portal.example.com', resolve => { 'portal.example.com' => '127.0.0.1:' . rand_port(3) });
is $b->visit($address)->status, 502, 'the other one does not pass it on';
--- error_log
upstream sent too big header


=== TEST 37: kubernetes: Kubernetes takes each object of examples/kubernetes, and no misspelt one
--- flow
my $yaml = kubernetes_yaml();
my $said = kubernetes_says($yaml);
is_deeply $said->{wrong}, [], 'nothing is wrong';
is join(' ', sort map { $_->{kind} } @{ $said->{objects} }), 'ConfigMap Deployment Ingress NetworkPolicy Secret Service', 'what there is';

for ([ 'readOnlyRootFilesystem' => 'readOnlyRootFileSystem' ], [ 'sizeLimit: 256Mi' => 'sizeLimit: [256]' ], [ 'kind: Service' => 'kind: Servise' ],
    [ 'apiVersion: apps/v1' => 'apiVersion: apps/v2' ], [ 'stringData' => 'stringdata' ], [ 'pathType: Prefix' => 'type: Prefix' ])
{
    my ($right, $wrong) = @$_;
    my $changed = $yaml =~ s/\b\Q$right\E\b/$wrong/r;
    isnt $changed, $yaml, "$right is there";
    isnt scalar(@{ kubernetes_says($changed)->{wrong} }), 0, "$wrong is refused";
}


=== TEST 38: kubernetes: no root, no capability, nothing to write to but /tmp, secrets for the pod's group alone; what names another object names one that is there
--- flow
my $o = kubernetes();
my $pod = $o->{Deployment}{spec}{template};
my $spec = $pod->{spec};
my ($c) = @{ $spec->{containers} };

is_deeply $spec->{securityContext}, { runAsNonRoot => JSON::PP::true, runAsUser => 101, runAsGroup => 101, fsGroup => 101,
    seccompProfile => { type => 'RuntimeDefault' } }, 'the user that the image is for';
is_deeply $c->{securityContext}, { allowPrivilegeEscalation => JSON::PP::false, readOnlyRootFilesystem => JSON::PP::true,
    capabilities => { drop => ['ALL'] } }, 'no way to more';
ok !$spec->{automountServiceAccountToken}, "nothing of the cluster's";
is scalar(@{ $spec->{containers} }), 1, 'of its only container';

my %volume = map { $_->{name} => $_ } @{ $spec->{volumes} };
my %mount = map { $_->{mountPath} => $_ } @{ $c->{volumeMounts} };
is join(' ', grep { !$mount{$_}{readOnly} } sort keys %mount), '/tmp', 'written to';
ok $volume{ $mount{'/tmp'}{name} }{emptyDir}, 'which is empty at first';

my $secret = $volume{ $mount{'/etc/nginx/vcita'}{name} }{secret};
is $secret->{secretName}, $o->{Secret}{metadata}{name}, 'the Secret';
is $secret->{defaultMode}, 0440, 'its mode';
is_deeply $o->{Secret}{stringData}, { client_secret => '', session_key => '' }, 'without values that a cluster could start with';
my $conf = $o->{ConfigMap}{data}{'nginx.conf'};
like $conf, qr{\s(?:file:)?/etc/nginx/vcita/$_;}, "$_ is read from there" for sort keys %{ $o->{Secret}{stringData} };

my $file = $mount{'/etc/nginx/nginx.conf'};
is $volume{ $file->{name} }{configMap}{name}, $o->{ConfigMap}{metadata}{name}, 'the ConfigMap';
ok exists $o->{ConfigMap}{data}{ $file->{subPath} }, 'its file';

my $labels = $pod->{metadata}{labels};
is_deeply $_, $labels, 'the pods' for $o->{Deployment}{spec}{selector}{matchLabels}, $o->{Service}{spec}{selector},
    $o->{NetworkPolicy}{spec}{ingress}[0]{from}[0]{podSelector}{matchLabels};
my ($app, $port) = $conf =~ m{proxy_pass\s+http://([\w-]+):(\d+);};
is_deeply [ $o->{NetworkPolicy}{spec}{podSelector}{matchLabels}{app}, $o->{NetworkPolicy}{spec}{ingress}[0]{ports}[0]{port} ], [ $app, $port ], 'the application';

my ($named) = @{ $c->{ports} };
like $conf, qr/listen\s+$named->{containerPort};/, 'the port';
is $o->{Service}{spec}{ports}[0]{targetPort}, $named->{name}, "the Service's";
is $c->{$_}{httpGet}{port}, $named->{name}, "the $_\'s" for qw( startupProbe readinessProbe livenessProbe );
like $conf, qr/location = $c->{$_}{httpGet}{path} \{/, "the $_\'s path" for qw( startupProbe readinessProbe livenessProbe );
is_deeply $o->{Ingress}{spec}{rules}[0]{http}{paths}[0]{backend}{service}, { name => $o->{Service}{metadata}{name},
    port => { name => $o->{Service}{spec}{ports}[0]{name} } }, "the Ingress's";
like $conf, qr/server_name\s+\Q$o->{Ingress}{spec}{rules}[0]{host}\E;/, 'the host';
my ($rate) = $conf =~ m{vcita_oauth_rate\s+(\d+)r/s;};
is $rate * ($o->{Deployment}{spec}{replicas} + $o->{Deployment}{spec}{strategy}{rollingUpdate}{maxSurge}), 8, 'the rate of all pods together';


=== TEST 39: kubernetes: its nginx.conf passes nginx -t, not with the Secret's empty values, and lets a person in behind an Ingress
--- example: kubernetes
--- before eval: main::balancer(1)
--- flow
passes('kubernetes');
like with_empty($_, 'kubernetes'), qr/\[emerg\] .*$_/, "an empty $_: nginx does not start" for qw( client_secret session_key );

stub->always({ userinfo => { set => { business_uid => 'ed469f8764326a66' } } });
my $b = at('portal.example.com', from => '127.0.0.2');
my $r = $b->visit('/reports', headers => [ 'X-Forwarded-For' => '127.0.0.1', 'X-Forwarded-User' => 'admin' ]);
is $r->status, 200, 'in';
is plain($r->url), 'https://portal.example.com/reports', 'by https';
is user($r), 'a383717599bf1893', 'by account';
is seen($r)->{$_->[0]}, $_->[1], $_->[0] for [ 'x-forwarded-proto', 'https' ], [ 'x-real-ip', '127.0.0.2' ], [ authorization => undef ];

my $pod = browser(base => 'http://10.0.0.1', resolve => { '10.0.0.1' => '127.0.0.1:' . rand_port(2) });
is $pod->get('/healthz')->status, 200, 'a probe needs no login';
is $pod->get('/')->status, 404, 'nothing else is at the address of the pod';


=== TEST 40: whoami.conf: people see their own claims once they have signed in, as text, in no cache
--- example: whoami
--- flow
stub->always({ userinfo => { set => { business_uid => '<b>1f</b>', brand_host => 'app.larkspur.example' } } });
my $b = at('portal.example.com');
my $r = $b->get('/whoami');
is $r->status, 302, 'a login first';
unlike $r->body, qr/business_uid/, 'nothing is said to one who is not signed in';

$r = $b->follow;
is $r->status, 200, 'in';
is plain($r->url), 'https://portal.example.com/whoami', 'where it began';
like $r->body, qr/^sub +a383717599bf1893$/m, 'who it is';
like $r->body, qr/^business_uid +<b>1f<\/b>$/m, 'the business, as it is';
like $r->body, qr/^brand_host +app\.larkspur\.example$/m, 'the brand';
is $r->header('Content-Type'), 'text/plain', 'which no browser takes for a page';
is $r->header('X-Content-Type-Options'), 'nosniff', 'nor guesses at';
like join(' ', $r->header('Cache-Control')), qr/no-store/, 'and keeps';

is $b->get('/')->status, 404, 'nothing else is there';
is at('portal.example.com')->get('/whoami', headers => [ 'Sec-Fetch-Mode' => 'cors' ])->status, 401, 'a script without a session';


=== TEST 41: whoami.conf: beside a rule of the site, its own holds, so that refused people see what the rule wants
--- example: whoami
--- before
vcita_oauth_require $vcita_oauth_claim_business_uid ed469f8764326a66;
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    location / { vcita_oauth on; vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/oauth/callback; }
}
--- flow
stub->always({ userinfo => { set => { business_uid => '1111111111111111' } } });
is browser(base => 'http://127.0.0.1:' . rand_port(2))->visit('/')->status, 403, 'the rule refuses them';

my $r = at('portal.example.com')->visit('/whoami');
is $r->status, 200, 'here they are in';
like $r->body, qr/^business_uid +1{16}$/m, 'and see why';
--- error_log
is not met
