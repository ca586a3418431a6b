# Each row of the list of directives has a kind that checks values, a test, and
# an entry in the manual and the README that agree with it; no document knows a
# directive that does not exist.  Each fault has a fixture here that must be
# found.

use strict;
use warnings;

use Check;

# what is sent as it is, is a "text" or stricter; these are escaped or opened
my %ANY = (
    any_text => [ 'vcita_oauth_client_id',
                  'vcita_oauth_ssl_trusted_certificate' ],
    secret   => [ 'vcita_oauth_client_secret' ],
);

# kinds whose check is as strict as that of a text, or whose values are escaped
my %RAW = map { $_ => 1 } qw( text any_text endpoint authorize_args );

# the type that a kind writes, by its macro and what stands in that
my @TYPES = (
    [ qr/_words\(/, 'ngx_uint_t' ], [ qr/_str\(/, 'ngx_str_t' ],
    [ qr/_time\(ngx_conf_set_sec_/, 'time_t' ],
    [ qr/_time\(ngx_conf_set_msec_/, 'ngx_msec_t' ],
);

# what a location or a client has beside its settings
my %MADE = (
    loc_conf_t => [ qw( client rules headers authorize logout_uri logout
                        merged ) ],
    client_t   => [ qw( session_seal state_seal derive jwks session_cookie
                        login_cookie endpoint authorize ready https
                        identified unbound ) ],
);

my %text = (
    list     => slurp("src/session/${PREFIX}_settings.h"),
    kinds    => slurp("src/conf/${PREFIX}_settings.c"),
    header   => slurp("src/session/${PREFIX}_config.h"),
    front    => slurp("${PREFIX}_oauth_module.c"),
    tests    => join("\n", map { slurp($_) } glob 't/*.t t/lib/*.pm'),
    manual   => slurp('docs/directives.md'),
    readme   => slurp('README.md'),
);

my @known = faults(%text);

wrong($_) for @known;
fixtures();

done(rows($text{list}) . ' directives');


# --- what there is ------------------------------------------------------------

# of each row: who, directive, and of a setting type, member, kind and default
sub rows {
    my ($list) = @_;
    my ($body) = $list =~ /^#define ${PREFIX}_directives\(.*?\n(.*?[^\\])\n/ms
        or die "no list of directives\n";
    my @rows;

    $body =~ s/ *\\\n */ /g;

    while ($body =~ /\b(client|location|other)\( ?(\w+), "(\w+)", ([^()]*)\)/g) {
        my ($who, $id, $name, $rest) = ($1, $2, $3, $4);
        my (undef, $type, $member, $kind, $default) = split /, /, $rest;

        push @rows, { who => $who, name => $name,
                      $who eq 'other' ? ()
                      : (type => $type, member => $member, kind => $kind,
                         default => $default =~ /^"(.*)"$/ ? $1 : undef) };
    }

    die "the list of directives could not be read\n"
        if @rows < 30 || @rows != (() = $body =~ /"vcita_oauth\w*"/g);

    return @rows;
}


# --- what is wrong ------------------------------------------------------------

sub faults {
    my (%text) = @_;
    my @rows = rows($text{list});
    my %row = map { $_->{name} => $_ } @rows;
    my @found;

    push @found, map { kind_faults($_, $text{kinds}) } grep { $_->{kind} } @rows;

    for my $row (@rows) {
        my $name = $row->{name};

        push @found, "$name: in no test"
            if $text{tests} !~ /\b\Q$name\E(?!\w)[ ;]/;
        push @found, "$name: not in docs/directives.md"
            if $text{manual} !~ /^#### $name$/m;
        push @found, "$name: not in the table of README.md"
            if $text{readme} !~ /^\| `\Q$name\E[ `]/m;
        push @found, "README.md: $name: the default is $row->{default}"
            if defined $row->{default}
               && $text{readme} !~ /^\| `\Q$name\E[ `].*? \| \Q$row->{default}\E \|/m;
    }

    for ([ 'docs/directives.md', $text{manual} =~ /^#### (\w+)$/mg ],
         [ 'README.md', $text{readme} =~ /^\| `(vcita_oauth\w*)/mg ])
    {
        my ($file, @names) = @$_;

        push @found, map { "$file: there is no $_" } grep { !$row{$_} } @names;
    }

    for my $part (split /^#### /m, $text{manual}) {
        my ($name) = $part =~ /^(vcita_oauth\w*)\n/ or next;

        push @found, manual_faults($row{$name}, $part) if $row{$name};
    }

    # a setting beside the list is not inherited, and has no line to be named

    for my $struct (sort keys %MADE) {
        my ($body) = $text{header} =~ /\{([^{}]*)\} ${PREFIX}_$struct;/
            or die "no $struct\n";
        my %made = map { $_ => 1 } @{ $MADE{$struct} };

        push @found, map { "${PREFIX}_$struct: is $_ a setting? it wants a row" }
                         grep { !$made{$_} && $_ ne 'origin' } members($body);
    }

    push @found, map { "$_: a command beside the list" }
                     $text{front} =~ /ngx_string\("(vcita_oauth\w*)"\)/g;

    return @found;
}


# values without a check
sub kind_faults {
    my ($row, $kinds) = @_;
    my ($name, $kind) = @$row{qw( name kind )};
    my ($how, $what) =
        $kinds =~ /\b${PREFIX}_kind_$kind =\s+(\{|${PREFIX}_\w+)(.*?);/s
        or return "$name: there is no kind $kind";
    my @found;

    push @found, "$name: the kind $kind checks nothing"
        if $how !~ /^${PREFIX}_(?:words|str|raw_str|time|own)$/
           || $what =~ /\bNULL\b/ || $how =~ /_own$/ && $what =~ /ngx_conf_set_/;
    push @found, "$name: the kind $kind is raw, use ${PREFIX}_str()"
        if $how =~ /_raw_str$/ && !$RAW{$kind};
    push @found, map { "$name: the kind $kind writes $_->[1]" }
                     grep { "$how$what" =~ $_->[0] && $row->{type} ne $_->[1] }
                     @TYPES;
    push @found, "$name: the kind $kind takes any text, use text"
        if $ANY{$kind} && !grep { $_ eq $name } @{ $ANY{$kind} };

    return @found;
}


sub manual_faults {
    my ($row, $part) = @_;
    my ($name, $default) = @$row{qw( name default )};
    my ($file, @found) = ('docs/directives.md');

    push @found, "$file: $name has no Syntax, Default, Context"
        if $part !~ /^\*\*Syntax:\*\* $name(?: .*)?;\\$/m
           || $part !~ /^\*\*Default:\*\* .*\\$/m
           || $part !~ /^\*\*Context:\*\* /m;
    push @found, "$file: $name: the default is "
                 . (defined $default ? $default : 'none')
        if $row->{who} ne 'other'
           && $part !~ (defined $default
                        ? qr/^\*\*Default:\*\* $name \Q$default\E;/m
                        : qr/^\*\*Default:\*\* \x{e2}\x80\x94/m);
    push @found, "$file: $name: "
                 . ($row->{who} eq 'client' ? 'does not say' : 'says wrongly')
                 . ' that it is part of the application'
        if ($row->{who} eq 'client')
           != ($part =~ /(?<!Not )\b[Pp]art of the application/);

    return @found;
}


# the members of a struct
sub members {
    my ($text) = @_;

    return without_comments($text) =~ /\b(\w+)(?:\[\w+\]|:1)?;/g;
}


# --- is each fault found? -----------------------------------------------------

# Each is a setting that was added, and what was left out of it.
sub fixtures {
    my $name = 'vcita_oauth_fixture';
    my %whole = (
        list   => "    client(NGX_HTTP_VCITA_FIXTURE, \"$name\", NGX_CONF_TAKE1, \\\n"
                  . "        ngx_str_t, fixture, text, \"a\") \\\n",
        tests  => "$name a;\n",
        manual => "#### $name\n\n**Syntax:** $name *text*;\\\n"
                  . "**Default:** $name a;\\\n**Context:** http\n\n"
                  . "Part of the application.\n\n",
        readme => "| `$name text` | a | |\n",
    );
    my $kind = "static ${PREFIX}_kind_t  ${PREFIX}_kind_loose =\n    ";

    my @FIXTURES = (
        [ 'nothing is missing', undef, {} ],
        [ 'no test', qr/: in no test$/, { tests => '' } ],
        [ 'no manual', qr/: not in docs/, { manual => '' } ],
        [ 'no README', qr/: not in the table/, { readme => '' } ],
        [ 'another default in the manual', qr/directives\.md: .*default is a/,
          { manual => $whole{manual} =~ s/ a;/ b;/r } ],
        [ 'another default in the README', qr/README\.md: .*default is a/,
          { readme => $whole{readme} =~ s/ a / b /r } ],
        [ 'no row, but a manual', qr/directives\.md: there is no $name/,
          { list => '' } ],
        [ 'no context', qr/has no Syntax, Default, Context/,
          { manual => $whole{manual} =~ s/Context/Place/r } ],
        [ 'not said to be of the client', qr/does not say/,
          { manual => $whole{manual} =~ s/Part of/About/r } ],
        [ 'said to be of the client', qr/says wrongly/,
          { list => $whole{list} =~ s/client\(/location(/r } ],
        [ 'any text', qr/takes any text/,
          { list => $whole{list} =~ s/ text,/ any_text,/r } ],
        [ 'any text of a file', qr/takes any text/,
          { list => $whole{list} =~ s/ text,/ secret,/r } ],
        map({ [ "a type that $_ does not write", qr/the kind $_ writes /,
                { list => $whole{list} =~ s/ text,/ $_,/r } ] }
            qw( flag seconds msec )),
        [ 'a raw kind', qr/kind loose is raw/,
          { list => $whole{list} =~ s/ text,/ loose,/r,
            kinds => "$kind${PREFIX}_raw_str(check);\n" } ],
        [ 'no such kind', qr/there is no kind loose/,
          { list => $whole{list} =~ s/ text,/ loose,/r } ],
        map { [ "a kind without a check: $_", qr/kind loose checks nothing/,
                { list => $whole{list} =~ s/ text,/ loose,/r,
                  kinds => "$kind$_;\n" } ] }
            "${PREFIX}_str(NULL)", "${PREFIX}_own(ngx_conf_set_str_slot, STR)",
            '{ ngx_conf_set_str_slot, NULL, NULL, STR }',
    );

    push @FIXTURES,
        [ 'a member beside the list', qr/is beside a setting/,
          { header => "    ngx_str_t  beside;\n" } ],
        [ 'a command beside the list', qr/: a command beside the list/,
          { front => "{ ngx_string(\"$name\"), 0 }" } ];

    for my $fixture (@FIXTURES) {
        my ($what, $fault, $other) = @$fixture;
        my %part = (%whole, %$other);
        my %copy = %text;

        $copy{$_} .= "\n$part{$_}"
            for grep { defined $part{$_} } qw( kinds tests front );
        $copy{list} =~ s/(_directives\(client, .*?\\\n)/$1$part{list}/;
        $copy{manual} =~ s/^(?=#### vcita_oauth_scope$)/$part{manual}/m;
        $copy{readme} =~ s/^(?=\| `vcita_oauth_scope)/$part{readme}/m;
        $copy{header} =~ s/(?=\} ${PREFIX}_client_t;)/$part{header}/
            if $part{header};

        my %was = map { $_ => 1 } @known;
        my @new = grep { !$was{$_} } faults(%copy);

        wrong("the fixture is not found: $what")
            if $fault && !grep { $_ =~ $fault } @new;
        wrong("the fixture is no fault: $what: $_") for $fault ? () : @new;
    }
}
