# Each directive of the command table is read, inherited, tested and documented;
# and no document knows one that does not exist.

use strict;
use warnings;

use Check;

my $front = slurp("${PREFIX}_oauth_module.c");
my $settings = slurp("src/conf/${PREFIX}_settings.c");
my $header = slurp("src/session/${PREFIX}_config.h");
my $tests = join "\n", map { slurp($_) } glob 't/*.t t/lib/*.pm';
my $manual = slurp('docs/directives.md');
my $readme = slurp('README.md');


# the command table: directives of their own, and settings of the application

my ($table) = $front =~ /_commands\[\] = \{(.*?)^\};/ms
    or die "no command table\n";

my @own = $table =~ /\{ ngx_string\("(vcita_oauth\w*)"\)/g;
my %place = $table =~ /_setting_command\("(vcita_oauth_\w+)",\s*
                       [\w|]+,\s*(\w+)\)/gx;
my @all = sort @own, keys %place;

die "the command table could not be read\n" if @own < 3 || keys %place < 10;


# settings: command, enum and table agree, and each is inherited by the table

my ($enum) = $header =~ /typedef enum \{([^}]*)\} ${PREFIX}_setting_e;/
    or die "no enum of settings\n";
my @enum = $enum =~ /\b([A-Z]\w+)\b/g;
my ($rows) = $settings =~ /_settings\[\] = \{(.*?)^\};/ms
    or die "no table of settings\n";
my @row = $rows =~ /\{ "(vcita_oauth_\w+)"/g;
my $last = pop @enum;

wrong("$last is not the number of settings") if $last !~ /_SETTINGS$/;
wrong(@enum . ' places of settings, but ' . @row . ' rows') if @enum != @row;

for my $i (0 .. $#row) {
    my $name = $row[$i];

    wrong("$name: row " . ($i + 1) . " of the table is "
          . ($enum[$i] // 'nothing') . ', the command says '
          . ($place{$name} // 'nothing'))
        if ($place{$name} // '') ne ($enum[$i] // ' ');
}

for my $name (sort keys %place) {
    wrong("$name: no row in the table of settings")
        if !grep { $_ eq $name } @row;
}


# what an application is configured with is all in the table

my ($client) = $header =~ /\{([^{}]*)\} ${PREFIX}_client_t;/ or die "no client_t\n";
my ($configured) = $client =~ m{/\* as configured \*/(.*?)\w+_origin_t\b}s
    or die "no settings in client_t\n";

for my $member (members($configured)) {
    wrong("client->$member is in no row of the table of settings")
        if $rows !~ /_field\(\Q$member\E\)/;
}


# what a location is configured with is created, and inherited

my %HERE = map { $_ => 1 } qw( logout logout_uri logout_origin merged
                               authorize app rules_origin );

my ($location) = $header =~ /\{([^{}]*)\} ${PREFIX}_loc_conf_t;/
    or die "no loc_conf_t\n";
my ($create) = $front =~ /^${PREFIX}_create_loc_conf\(.*?^\{(.*?)^\}/ms;
my $merge = join '', $front =~ /^${PREFIX}_merge_\w+\(.*?^\{(.*?)^\}/msg;

for my $member (members($location)) {
    wrong("$member: not in create_loc_conf()")
        if $member !~ /_origin$|^merged$/ && $create !~ /vlcf->$member\b/;
    wrong("$member: not inherited in merge_loc_conf()")
        if !$HERE{$member} && $merge !~ /prev->$member\b/;
}


# tested and documented

for my $name (@all) {
    wrong("$name: in no test") if $tests !~ /\b\Q$name\E(?!\w)[ ;]/;
    wrong("$name: not in docs/directives.md") if $manual !~ /^#### $name$/m;
    wrong("$name: not in the table of README.md")
        if $readme !~ /^\| `\Q$name\E[ `]/m;
}

my %known = map { $_ => 1 } @all;

for ([ 'docs/directives.md', $manual =~ /^#### (\w+)$/mg ],
     [ 'README.md', $readme =~ /^\| `(vcita_oauth\w*)/mg ])
{
    my ($file, @names) = @$_;

    for my $name (@names) {
        wrong("$file: there is no $name") if !$known{$name};
    }
}

for my $part (split /^#### /m, $manual) {
    my ($name) = $part =~ /^(vcita_oauth\w*)\n/ or next;

    wrong("docs/directives.md: $name has no Syntax, Default, Context")
        if $part !~ /^\*\*Syntax:\*\* $name(?: .*)?;\\$/m
           || $part !~ /^\*\*Default:\*\* .*\\$/m
           || $part !~ /^\*\*Context:\*\* /m;
    wrong("docs/directives.md: $name: "
          . ($place{$name} ? 'does not say' : 'says wrongly')
          . ' that it is part of the application')
        if !$place{$name} != ($part !~ /(?<!Not )\b[Pp]art of the application/);
}

done(@all . ' directives');


# the members of a struct
sub members {
    my ($text) = @_;

    return without_comments($text) =~ /\b(\w+)(?:\[\w+\])?;/g;
}
