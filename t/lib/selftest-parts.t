# The parts of t/lib that need no nginx: the jar, HTTP texts, the stub's answers.
#   prove t/lib/selftest-parts.t
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Digest::SHA qw( sha256 );
use MIME::Base64 qw( encode_base64url );
use Test::More;
use VcitaAssertion ();
use VcitaBrowser;
use VcitaHttp qw( url_split url_join query_param read_message );
use VcitaJar;
use VcitaLoop qw( now );
use VcitaStub qw( stub_code );

# -- HTTP texts

is url_split('HTTPS://Example.com?q')->{target}, '/?q', 'url_split';
is url_split('http://h:8080/a%2Fb?c')->{authority}, 'h:8080', 'authority keeps an odd port';
is url_join('http://h/a/b?c', 'd'), 'http://h/a/d', 'relative';
is url_join('http://h/a/b', '//evil/x'), 'http://evil/x', '//host';
is url_join('http://h:81/a', '/x?y'), 'http://h:81/x?y', 'absolute path';
is query_param('a=%41+b&a=2', 'a'), 'A b', 'query_param';

my $buf = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\nrest";
is read_message(\(my $part = substr $buf, 0, 60), 'answer'), undef, 'a part is not enough';
is read_message(\$buf, 'answer')->body, 'abcde', 'chunks';
is $buf, 'rest', 'and no byte more';
is read_message(\(my $cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), 'answer', eof => 1),
    'closed within the body', 'cut short';

# -- the jar

my $http  = 'http://www.example.com/a/b';
my $https = 'https://www.example.com/a/b';

sub refusal {
    my ($url, $line, %opt) = @_;
    return VcitaJar->new(%opt)->store($url, $line);
}

is refusal($http, 'a=1'), undef, 'a plain cookie';
like refusal($http, 'a=1; Secure'), qr/Secure from/, 'Secure over http';
is refusal('http://127.0.0.1:8080/', 'a=1; Secure', trust_loopback => 1), undef, 'but loopback, where trusted';
like refusal('http://127.0.0.1/', 'a=1; Secure'), qr/Secure from/, 'not where not';
is refusal($https, '__Host-a=1; Secure; Path=/'), undef, '__Host- good';
like refusal($https, '__Host-a=1; Secure'), qr/Path/, '__Host- without Path';
like refusal($https, '__Host-a=1; Path=/'), qr/Secure/, '__Host- without Secure';
like refusal($https, '__Host-a=1; Secure; Path=/; Domain=example.com'), qr/Domain/, '__Host- with Domain';
like refusal($https, '__Secure-a=1'), qr/Secure/, '__Secure- without Secure';
like refusal($https, 'a=1; SameSite=None'), qr/SameSite/, 'SameSite=None without Secure';
like refusal($https, 'a=1; Domain=other.com'), qr/not www/, 'a foreign Domain';
like refusal($https, 'a=1; Domain=com'), qr/top level/, 'a top level';
like refusal($https, 'a=' . 'x' x 4096), qr/4096/, 'too large';

my $j = VcitaJar->new;
$j->store($https, 'host=1; Path=/');
$j->store($https, 'dom=1; Path=/; Domain=.example.com; Secure');
$j->store($https, 'deep=1');
is $j->header($https), 'deep=1; host=1; dom=1', 'longer paths first';
is $j->header('https://example.com/a/'), 'dom=1', 'host-only stays at home';
is $j->header('http://www.example.com:81/'), 'host=1', 'no ports, Secure stays off http';
is $j->header('https://www.example.com/ab'), 'host=1; dom=1', '/a is no prefix of /ab';
like $j->store($http, 'dom=2; Path=/; Domain=example.com'), qr/overlay/, 'http cannot overlay a Secure one';
$j->store($https, 'host=; Path=/; Max-Age=0');
is $j->header('https://www.example.com/'), 'dom=1', 'Max-Age=0 removes';
$j->store($https, 'dom=; Path=/; Domain=example.com; Expires=Thu, 01 Jan 1970 00:00:00 GMT');
is $j->header('https://www.example.com/'), undef, 'Expires in the past removes';
$j->store($https, 's=1; Path=/; SameSite=Lax');
is $j->header($https, cross_site => 1, method => 'POST'), undef, 'Lax stays off a cross-site POST';
is $j->header($https, cross_site => 1), 'deep=1; s=1', 'not off a link';

# -- signatures of clients, made here by another way than they are checked

for my $name (qw( rsa ec )) {
    my $key = VcitaAssertion::client_key($name);
    is +(stat $key)[2] & 0777, 0600, "$name: its file is private";

    my ($text, $sig) = ("$key.text", "$key.sig");
    open my $fh, '>', $text or die "$text: $!";
    print $fh 'head.claims';
    close $fh;
    VcitaAssertion::openssl(qw( dgst -sha256 -sign ), $key, '-out', $sig, $text);
    open $fh, '<:raw', $sig or die "$sig: $!";
    my $raw = do { local $/; <$fh> };

    if ($name eq 'ec') {
        is VcitaAssertion::verified($name, 'head.claims', $raw), 0, 'ec: DER is not the form of a JWT';
        my @numbers = VcitaAssertion::openssl(qw( asn1parse -inform DER -in ), $sig) =~ /INTEGER\s+:(\w+)/g;
        $raw = pack 'H64 H64', map { substr '0' x 64 . $_, -64 } @numbers;
    }
    is VcitaAssertion::verified($name, 'head.claims', $raw), 1, "$name: good";
    is VcitaAssertion::verified($name, 'head.claimz', $raw), 0, "$name: of another text";
    is VcitaAssertion::verified("${name}_other", 'head.claims', $raw), 0, "$name: of another key";
}

# -- the stub

my $s = VcitaStub->start;
my $b = VcitaBrowser->new(ca => $s->ca);
my %form = (client_id => 'app1', client_secret => 's3cret-0123456789abcdef-0123456789',
            grant_type => 'authorization_code', redirect_uri => 'http://h/cb');
my $base;

sub token {
    my ($code, %with) = @_;
    return $b->post("$base/oauth/token", { %form, code => $code, %with }, soft => 1);
}

for my $url ($s->url, $s->url_tls) {
    $base = $url;
    my $kind = $base =~ /^https/ ? 'https' : 'http';
    $s->reset;

    my $code = stub_code();
    my $r = token($code);
    my $t = $r->json->{access_token};
    like $t, qr/^[0-9a-f]{64}$/, "$kind: a token";
    is $r->json->{expires_in}, 631139040, "$kind: for 20 years";
    is token($code)->json->{error}, 'invalid_grant', "$kind: a code works once";
    is $b->get("$base/oauth/userinfo", headers => [ Authorization => "Bearer $t" ])->json->{email},
        'alice@example.biz', "$kind: userinfo";
    is $b->get("$base/oauth/userinfo", headers => [ Authorization => 'Bearer x' ])->status, 401,
        "$kind: another token is none";
    $s->revoke($t);
    is $b->get("$base/oauth/userinfo", headers => [ Authorization => "Bearer $t" ])->status, 401,
        "$kind: revoked";

    is token(stub_code(), client_secret => 'wrong')->status, 401, "$kind: wrong secret";
    is $b->request(POST => "$base/oauth/token", json => { %form, code => stub_code() })->status, 200,
        "$kind: a JSON body";
    is token('nonsense')->json->{error}, 'invalid_grant', "$kind: no code of ours";

    $r = token(stub_code({ token => { status => 503, headers => { 'Retry-After' => 7 }, body => 'no' } }));
    is_deeply [ $r->status, $r->header('Retry-After'), $r->body ], [ 503, 7, 'no' ], "$kind: as told";
    $code = stub_code({ token => [ { status => 429 }, {} ] });
    is_deeply [ map { token($code)->status } 1 .. 3 ], [ 429, 200, 400 ], "$kind: a list of instructions";
    is_deeply [ sort keys %{ token(stub_code({ token => { set => { scope => 'openid' },
        omit => [ 'created_at', 'token_type' ] } }))->json } ], [ qw( access_token expires_in scope ) ],
        "$kind: set and omit";

    $t = token(stub_code({ token => { set => { access_token => 'mine' } }, userinfo => { set => { sub => 'bob' } } }));
    is $b->get("$base/oauth/userinfo", headers => [ Authorization => 'Bearer mine' ])->json->{sub}, 'bob',
        "$kind: userinfo by the code";

    like token(stub_code({ token => { raw => "junk\r\n" } }))->error, qr/closed within/, "$kind: raw";
    like token(stub_code({ token => { reset => 1 } }))->error, qr/reset by peer/, "$kind: reset";
    like token(stub_code({ token => { close => 1 } }))->error, qr/closed without/, "$kind: close";
    like token(stub_code({ token => { truncate => 1 } }))->error, qr/within the body/, "$kind: truncate";
    ok token(stub_code({ token => { chunked => 1 } }))->json, "$kind: chunked";
    my $slow = token(stub_code({ token => { trickle => 0.005, trickle_bytes => 20 } }));
    cmp_ok $slow->seconds, '>', 0.05, "$kind: trickle is slow";
    ok $slow->json, "$kind: and whole";
    $slow = token(stub_code({ token => { delay => 0.2, hold => 0 } }));
    cmp_ok $slow->seconds, '>=', 0.2, "$kind: delay";
    is length token($s->prepare({ token => { body => 'x' x 70000 } }))->body, 70000, "$kind: prepared";

    # authorize, PKCE
    my $v = 'v' x 43;
    my $ask = "$base/app/oauth/authorize?" . VcitaHttp::query_string(response_type => 'code', client_id => 'app1',
        redirect_uri => 'http://h/cb', state => 'S/+=', nonce => 'N', code_challenge => encode_base64url(sha256($v)),
        code_challenge_method => 'S256');
    $s->next({ id_token => {} });
    $r = $b->get($ask);
    is $r->param('state'), 'S/+=', "$kind: state comes back";
    is token($r->param('code'), code_verifier => 'w' x 43)->json->{error}, 'invalid_grant', "$kind: wrong verifier";
    my $jwt = token($r->param('code'), code_verifier => $v)->json->{id_token};
    my ($claims) = map { JSON::PP->new->decode(MIME::Base64::decode_base64url($_)) } (split /\./, $jwt)[1];
    is_deeply [ @$claims{qw( nonce aud )} ], [ 'N', 'app1' ], "$kind: id_token";
    $s->next({ authorize => { error => 'access_denied', params => { iss => 'x' } } });
    $r = $b->get($ask);
    is_deeply [ map { scalar $r->param($_) } qw( error iss code ) ], [ 'access_denied', 'x', undef ], "$kind: refusal";
    $r = $b->get("$ask&stub=" . stub_code({ token => { status => 418 } }));
    is token($r->param('code'))->status, 418, "$kind: told in the address";

    $s->always({ token => { status => 500 } });
    is token(stub_code())->status, 500, "$kind: always";
    $s->always({ token => undef });
    is token(stub_code())->status, 200, "$kind: no more";

    my @got = $s->requests('/oauth/token');
    is $got[0]->fields->{code} // '', $got[1]->fields->{code}, "$kind: requests are remembered";
    is $got[0]{tls}, $kind eq 'https' ? 1 : 0, "$kind: with their kind";
    $s->reset;
    is scalar($s->requests), 0, "$kind: and forgotten";
    is $s->open_connections, 0, "$kind: nothing open";
}

my $echo = $b->post($s->app_url . '/x?y', { a => "\xe9" }, headers => [ 'X-A' => 1, 'X-A' => 2 ])->json;
is_deeply [ @$echo{qw( method uri body )} ], [ 'POST', '/x?y', 'a=%E9' ], 'the application echoes';
is_deeply [ grep { $_->[0] eq 'X-A' } @{ $echo->{headers} } ], [ [ 'X-A', 1 ], [ 'X-A', 2 ] ],
    'with repeated headers';

my $pid = $s->pid;
$s->stop;
is kill(0 => $pid), 0, 'the stub ended';

done_testing;
