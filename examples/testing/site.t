# Does the gate of my site do what I think it does?
#
# Copy this file beside your nginx.conf, change the lines of `use VcitaSite`, and run
#
#     VCITA_OAUTH=/path/of/the/project prove site.t
#
# nginx runs with your configuration as it is, apart from ports, certificates, secrets and addresses; vcita and your
# application are stand-ins on this machine.  `prove -v` lists what was changed.  More: docs/testing.md there.

use lib ($ENV{VCITA_OAUTH} // die "VCITA_OAUTH: the folder of the project\n") . '/t/lib';

use VcitaSite
    conf   => 'nginx.conf',                  # or the file with your server {}, or a list of files

    # folders that are elsewhere here: '/var/www/app' => 'public'
    paths  => {},

    page   => '/reports?year=2026',          # for those who are signed in
    public => '/assets/logo.svg',            # for everybody
    logout => '/logout',

    # what your application believes: the header, and the claim that is in it
    told   => { 'X-Forwarded-User' => 'sub', 'X-Forwarded-Email' => 'email' },

    # whom vcita knows: one who may come in, and one whom your vcita_oauth_require refuses
    people => {
        insider  => { sub => 'a1', email => 'ann@example.com', role => 'owner', business_uid => 'ed469f8764326a66' },
        outsider => { sub => 'b2', email => 'bob@example.org', role => 'owner', business_uid => '0000000000000000' },
    };

run_tests();

__DATA__

=== anonymous: a person goes to vcita, all else is refused, and the application sees neither
--- flow
my $b = visitor();
my $r = $b->get(site 'page');
is $r->status, 302, 'a page: a redirect';
ok at_vcita($r), 'to vcita';

is $b->get(site('page'), headers => [ 'Sec-Fetch-Mode' => 'cors' ])->status, 401, 'a script gets 401';
is $b->post(site('page'), { a => 1 })->status, 401, 'a form is not sent to vcita';
is received(), 0, 'the application has seen none of it';


=== public: everybody sees it, and is nobody, whatever the client says
--- flow
my $r = visitor()->get(site('public'), headers => [ map { ($_ => 'spoofed') } sort keys %{ site 'told' } ]);
is $r->status, 200, 'without a login';
isnt told($r)->{ lc $_ }, 'spoofed', "$_ is not the client's" for sort keys %{ site 'told' };


=== login: ends where it began, and the application knows who it is
--- flow
my $b = visitor();
my $r = sign_in($b, site('page'), 'insider');
is $r->status, 200, 'in';
is $r->url, $b->absolute(site 'page'), 'at the address first asked for';

my ($told, $ann) = (site('told'), site('people')->{insider});
is told($r)->{ lc $_ }, $ann->{ $told->{$_} }, "$_: $told->{$_}" for sort keys %$told;
unlike told($r)->{cookie} // '', qr/vcita/, 'the application sees no cookie of the gate';

$r = $b->get(site('page'), headers => [ map { ($_ => 'spoofed') } sort keys %$told ]);
is told($r)->{ lc $_ }, $ann->{ $told->{$_} }, "$_ is not the client's" for sort keys %$told;


=== refusal: vcita knows them, the site does not let them in
--- flow
my $b = visitor();
my $r = sign_in($b, site('page'), 'outsider');
is $r->status, 403, 'refused';
is $b->get(site 'page')->status, 403, 'each time';
is received(), 0, 'the application has seen none of it';
--- error_log
vcita_oauth_require


=== denied consent: 403, with a way to try again
--- flow
my $b = visitor();
my $r = deny($b, site 'page');
is $r->status, 403, 'not in';
like $r->body, qr/<a href=/, 'with a link';
is $b->get(site 'page')->status, 302, 'the page still wants a login';
is sign_in($b, site('page'), 'insider')->status, 200, 'in at the second try';


=== logout: out, and it holds
--- flow
my $b = visitor();
is sign_in($b, site('page'), 'insider')->status, 200, 'in';
my $r = $b->get(site 'logout');
ok !at_vcita($r), 'signing out needs no signing in';
like $r->status, qr/^(?:200|303)$/, 'out';

$r = $b->get(site 'page');
is $r->status, 302, 'the page wants a login again';
ok at_vcita($r), 'at vcita';


=== logout: not by a link on another site
--- flow
my $b = visitor();
is sign_in($b, site('page'), 'insider')->status, 200, 'in';
$b->get(site('logout'), cross_site => 1);
is $b->get(site 'page')->status, 200, 'and still in';


=== vcita is down: no login, the page says so; those who are in stay in
--- flow
my $in = visitor();
is sign_in($in, site('page'), 'insider')->status, 200, 'one is in';

fault('vcita_down');
is sign_in(visitor(), site('page'), 'insider')->status, 502, 'nobody else gets in';
is $in->get(site 'page')->status, 200, 'who is in stays in';

fault();
is sign_in(visitor(), site('page'), 'insider')->status, 200, 'in, once vcita is back';
--- error_log
is unreachable


=== vcita is slow, or busy: in all the same
--- flow
fault($_), is sign_in(visitor(), site('page'), 'insider')->status, 200, $_ for 'vcita_slow', 'too_many_requests';


=== vcita takes the code for an old one: the login begins again by itself
--- flow
fault('invalid_grant', count => 1);
is sign_in(visitor(), site('page'), 'insider')->status, 200, 'in';


=== vcita does not know our secret: a page that says so, and a log that says what to check
--- flow
fault('invalid_client');
is sign_in(visitor(), site('page'), 'insider')->status, 502, 'not in';
--- error_log
check vcita_oauth_client_id and vcita_oauth_client_secret


=== vcita answers nonsense: not in
--- flow
for my $name (qw( vcita_drops vcita_error garbage truncated )) {
    fault($name);
    is sign_in(visitor(), site('page'), 'insider')->status, 502, $name;
}
--- error_log
[error]
