# The configurations of examples/ and of the README: each passes nginx -t as it is, and does what it says.
# They run with other paths, ports and addresses of vcita, and are not changed otherwise.

use lib 't/lib';
use VcitaTest;

use File::Temp ();
use VcitaCert ();

repeat_each(1);

my $Dir = File::Temp->newdir;
mkdir "$Dir/ended" or die "$Dir/ended: $!\n";

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


# an example, by its name or the text of the README, with paths that are here
sub example {
    my ($name) = @_;
    my $text = $name eq 'README' ? (slurp('README.md') =~ /^```nginx\n(.*?)^```/ms)[0] : slurp("examples/$name.conf");
    my $cert = VcitaCert->get;

    $text =~ s{/etc/nginx/vcita/}{$Dir/}g;
    $text =~ s{/var/log/nginx/}{$Dir/}g;
    $text =~ s{/etc/nginx/\w+\.crt}{$cert->{site}}g;
    $text =~ s{/etc/nginx/\w+\.key}{$cert->{site_key}}g;
    die "$name: a path is left: $&\n" if $text =~ m{/(?:etc|var|usr)/\S*};
    return $text;
}


# nginx -t of all of it
sub VcitaFlow::Code::passes {
    my ($name) = @_;
    my $text = example($name);

    $text =~ s{^load_module modules/\S+;}{load_module $ENV{TEST_NGINX_LOAD_MODULES};\npid nginx.pid;\nerror_log /dev/null;}m
        or die "$name does not load the module\n";
    my $port = VcitaFlow::port();
    $text =~ s{listen(\s+)443}{listen${1}127.0.0.1:$port}g;
    $text =~ s<^http \{\n><http {\n    access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n>m
        or die "$name has no http\n";

    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
    my $file = put("$name.conf", $text);
    my $out = `$nginx -t -p $Dir/ -c $file -e /dev/null 2>&1`;
    VcitaFlow::Code::ok($? == 0 && $out !~ /\[(?:warn|error|emerg|crit|alert)\]/, "$name passes nginx -t without a warning")
        or VcitaFlow::Code::diag($out);
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


# a browser at a site of the example
sub VcitaFlow::Code::at {
    my ($host, %opt) = @_;
    my $to = '127.0.0.1:' . VcitaFlow::rand_port(1);
    return VcitaFlow::browser(base => "https://$host", resolve => { map { ("$_.example.com" => $to) } qw( portal spa gym other ) }, %opt);
}

sub VcitaFlow::Code::user { return { map { lc $_->[0] => $_->[1] } @{ $_[0]->json->{headers} } }->{'x-forwarded-user'} }

# without the port, which is 443 outside of a test
sub VcitaFlow::Code::plain { return $_[0] =~ s{^(https://[^/:]+):\d+}{$1}r }

sub VcitaFlow::Code::user_claims { return { userinfo => { set => {@_} } } }


# `--- example: name`: what is in its http {}, with the stand-in for vcita
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
    for my $what (sort keys %change) {
        $http =~ s/$what/$change{$what}->()/ge or die "$name: no $what\n";
    }
    $block->set_value(http_config => "vcita_oauth_rate off;\n"
        . "vcita_oauth_authorize_endpoint \$VCITA_STUB/app/oauth/authorize;\n"
        . "vcita_oauth_token_endpoint \$VCITA_STUB/oauth/token;\n"
        . "vcita_oauth_userinfo_endpoint \$VCITA_STUB/oauth/userinfo;\n$http");
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
is user($r), 'alice@example.biz', 'by name';
is $b->get('/logout')->location, 'https://www.example.com/', 'out';
is $b->get('/reports')->status, 302, 'and it holds';

stub->next(user_claims(business_uid => 'another'));
$r = at('portal.example.com')->visit('/reports');
is $r->status, 403, 'another business may not come in';


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
is user($r), 'alice@example.biz', 'signed in';
is user($b->get('/page')), 'alice@example.biz', 'on every page';
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
stub->next(user_claims(sub => 'b0b', email => 'bob@example.biz'));
is $bob->visit('/')->status, 200, 'bob is in';

end_sessions('a383717599bf1893', time - 3600);
is $alice->get('/')->status, 200, "an hour ago: alice's session is younger";

my $now = time;
end_sessions('a383717599bf1893');
my $r = $alice->get('/');
is $r->status, 403, "now: alice's session is over";
like $r->body, qr/Sign in as another account/, 'with a way on';
is user($bob->get('/')), 'bob@example.biz', "bob's is not";

wait_for { time > $now + 1 } 5, 'the next second';
my ($href) = $r->body =~ /href="([^"]*authorize[^"]*)"/;
$alice->get($href =~ s/&amp;/&/gr);
$r = $alice->follow;
is $r->status, 200, 'alice signs in again';
is user($r), 'alice@example.biz', 'and is in';

$now = time;
wait_for { time > $now } 5, 'the next second';
end_sessions('everyone', $now);
is $_->get('/')->status, 403, 'everyone' for $alice, $bob;


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
is user($b->res), 'alice@example.biz', 'by name';
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
